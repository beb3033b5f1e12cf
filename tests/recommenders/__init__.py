"""Recommenders: data, models, scores, distillation, and one small run through everything."""
