"""Pre-training: the teacher reads the task's texts, without their labels, before it is taught."""
