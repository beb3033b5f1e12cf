"""What can be done to a model: one folder each, spec.py for the form and apply.py for the maths, in four groups."""
