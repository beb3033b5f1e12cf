"""What to learn and how to score it: one module each, named by a task's ``objective``."""
