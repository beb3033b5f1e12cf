"""Hints: the student's inner maps or states shall be those of the teacher, through a learned projection."""
