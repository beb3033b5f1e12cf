"""Sentiment: snippets of film reviews, negative or positive."""
