"""MovieLens 100K: which films a person will watch next, 1997 and 1998."""
