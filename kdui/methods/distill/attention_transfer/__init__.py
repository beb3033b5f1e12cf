"""Attention transfer: match the student's spatial attention maps to the teacher's."""
