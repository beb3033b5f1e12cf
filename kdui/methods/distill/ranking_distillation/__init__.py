"""Ranking distillation: the student puts first what the teacher puts first."""
