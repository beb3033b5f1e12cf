"""Distillation by soft targets, beside the same student without a teacher."""
