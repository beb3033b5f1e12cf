"""Gated recurrent networks over log-mel frames."""
