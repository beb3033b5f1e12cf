"""Digits: handwritten 0 to 9 as 8×8 images, bundled with scikit-learn."""
