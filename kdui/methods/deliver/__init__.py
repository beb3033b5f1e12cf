"""Making a model servable, and measuring it."""
