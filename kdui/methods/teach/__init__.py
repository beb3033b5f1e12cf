"""Making a teacher: training, fine-tuning, pre-training."""
