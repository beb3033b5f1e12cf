"""What all labelled data of a person share: their preview, their division into splits, and how they are kept."""
