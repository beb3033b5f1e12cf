"""Pseudo-labels: ground-truth labels where there are some, the teacher's where it is sure enough."""
