"""Universal logit distillation: from a teacher with another tokenizer, by sorted probabilities."""
