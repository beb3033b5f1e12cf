"""Reuters-R52: newswire of 1987 by 52 topics."""
