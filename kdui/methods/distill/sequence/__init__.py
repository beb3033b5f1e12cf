"""Sequence-level distillation: the student learns from texts that its teacher wrote."""
