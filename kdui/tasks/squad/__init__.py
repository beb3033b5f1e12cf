"""SQuAD: questions about paragraphs of Wikipedia whose answers are pieces of these paragraphs."""
