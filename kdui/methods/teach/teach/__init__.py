"""Train or fine-tune the teacher on the ground-truth labels."""
