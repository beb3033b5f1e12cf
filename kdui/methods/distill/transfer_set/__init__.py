"""Transfer set: changed examples that the teacher scores, beside the true ones."""
