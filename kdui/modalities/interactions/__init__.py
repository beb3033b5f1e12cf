"""Histories: the items that a person took, by name, the latest first."""
