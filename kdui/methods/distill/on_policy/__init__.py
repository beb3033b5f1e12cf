"""On-policy distillation: the student writes, and its teacher corrects what it wrote."""
