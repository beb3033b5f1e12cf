"""A tiny ranking task."""
