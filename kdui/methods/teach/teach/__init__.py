"""Train or fine-tune the teacher on the true labels."""
