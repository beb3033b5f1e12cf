"""Making a trained model smaller or faster."""
