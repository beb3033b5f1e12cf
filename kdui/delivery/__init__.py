"""Models that leave the laboratory: a copy that carries its claims, and a second look at whether they hold."""
