"""Hard teacher labels: the student trains on the teacher's most probable class alone."""
