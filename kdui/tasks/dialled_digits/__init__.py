"""Telephone numbers as a keypad sounds: synthetic, so they can always be had."""
