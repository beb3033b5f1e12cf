"""A text in answer to a text: translation, token by token."""
