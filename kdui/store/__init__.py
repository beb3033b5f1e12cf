"""What is kept: runs and measurements in a database, artifacts and events in files."""
