"""The page as a person uses it: a real server, a real worker, a real browser."""
