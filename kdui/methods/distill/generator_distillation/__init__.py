"""Generator distillation: the student makes its teacher's pictures of the same noise."""
