"""A person's own text, to be continued word by word: a file or a folder of files."""
