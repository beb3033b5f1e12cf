"""Box distillation: the student's boxes follow the teacher's, beside the classes of its cells."""
