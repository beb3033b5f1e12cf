"""Specialists: one teacher for each task, one student for all of them."""
