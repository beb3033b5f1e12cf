"""Composed boxes: where the items of composed scenes are."""
