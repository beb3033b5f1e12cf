"""Pictures that are made of noise."""
