"""Attention transfer: the student shall be active where its teacher is."""
