"""Low rank: layers become a product of two smaller ones."""
