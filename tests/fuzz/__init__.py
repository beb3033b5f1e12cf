"""Seeded mutations of valid files, given to everything that reads what somebody else wrote."""
