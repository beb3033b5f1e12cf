"""Strings of spoken digits, composed of single recordings."""
