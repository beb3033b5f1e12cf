"""Which of all items a person takes next."""
