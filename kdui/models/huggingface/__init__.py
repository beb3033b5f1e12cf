"""Any Hugging Face classification checkpoint."""
