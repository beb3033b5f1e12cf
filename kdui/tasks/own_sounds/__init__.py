"""A person's own sounds by class: a folder or a zip."""
