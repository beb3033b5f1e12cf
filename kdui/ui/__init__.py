"""The page: one module a tab, layout and callbacks of a few lines."""
