"""MovieLens latest-small: which films a person will watch next, 1996 to 2018."""
