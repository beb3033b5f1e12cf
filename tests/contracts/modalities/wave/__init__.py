"""Waves of any length."""
