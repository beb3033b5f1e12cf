"""MiniLM that finds answers in passages, whole or with fewer layers."""
