"""Relational distillation: distances and angles between examples shall be those that the teacher sees."""
