"""The file of a measured sensitivity, readable without numpy."""

SENSITIVITY_FILE = "sensitivity.json"
