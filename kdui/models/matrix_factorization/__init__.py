"""Matrix factorization by alternating least squares."""
