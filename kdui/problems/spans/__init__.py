"""Spans: an answer is a piece of a text, given by its first and its last word."""
