"""Search under a budget: Optuna proposes, ordinary runs measure, and the store remembers."""
