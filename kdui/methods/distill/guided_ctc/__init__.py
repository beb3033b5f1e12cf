"""Guided CTC: the student emits its symbols where its teacher does."""
