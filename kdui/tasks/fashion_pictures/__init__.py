"""Pictures of clothing, made of noise."""
