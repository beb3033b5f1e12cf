"""Where things come from and what goes together: sources, pairs, built-in recipes."""
