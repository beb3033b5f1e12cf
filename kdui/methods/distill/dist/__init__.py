"""DIST: correlations of the answers within an example and within a class, in place of their divergence."""
