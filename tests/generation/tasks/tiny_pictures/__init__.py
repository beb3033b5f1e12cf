"""Tiny pictures: scikit-learn's digits enlarged, as if they were clothing."""
