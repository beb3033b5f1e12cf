"""The most popular items."""
