"""A person's own recordings with what is said in them: WAV files and a table."""
