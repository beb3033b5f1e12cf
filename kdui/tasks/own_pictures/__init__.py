"""A person's own images by class: a folder or a zip."""
