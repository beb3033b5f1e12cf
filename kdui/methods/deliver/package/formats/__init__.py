"""Formats of other programs, a folder each; see `kdui.core.deliverable`."""
