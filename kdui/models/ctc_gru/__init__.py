"""Recurrent networks that transcribe recordings."""
