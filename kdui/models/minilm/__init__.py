"""MiniLM and the same with fewer layers."""
