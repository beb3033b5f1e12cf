"""Reuters topics and film reviews at once: one model, two questions."""
