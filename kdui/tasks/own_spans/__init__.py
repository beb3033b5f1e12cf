"""A person's own questions, each with a passage and the piece of it that answers."""
