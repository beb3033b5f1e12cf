"""Born-again students: each generation is taught by the one before it."""
