"""Several tasks at once, each a classification, in one model."""
