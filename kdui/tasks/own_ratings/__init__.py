"""A person's own ratings: who took what, and when."""
