"""Transcription by connectionist temporal classification: a symbol or none for each frame of a recording."""
