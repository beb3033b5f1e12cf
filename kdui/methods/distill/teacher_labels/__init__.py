"""Hard teacher labels: the student learns what the teacher would have answered, and no true label."""
