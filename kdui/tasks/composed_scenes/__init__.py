"""Composed scenes: items of Fashion-MNIST put on a canvas."""
