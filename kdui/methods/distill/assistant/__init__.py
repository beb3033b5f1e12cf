"""Teacher assistants: a model between teacher and student that learns first and then teaches."""
