"""DIST: correlations of the predictions within an example and within a class, in place of their divergence."""
