"""What a person can do, and what they are shown: the page, the command line and the API ask here alike."""
