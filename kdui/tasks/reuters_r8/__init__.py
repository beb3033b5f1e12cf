"""Reuters-R8: newswire of 1987 by topic."""
