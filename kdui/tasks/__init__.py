"""What a model must do: one folder each, spec.py for the facts and load.py for the data."""
