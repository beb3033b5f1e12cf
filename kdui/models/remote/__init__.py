"""A teacher behind a server that speaks the OpenAI-compatible protocol."""
