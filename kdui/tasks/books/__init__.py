"""Books: Jane Austen's six novels, to be continued word by word."""
