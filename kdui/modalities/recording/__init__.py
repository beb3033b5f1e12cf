"""Recordings: mono waveforms at one rate, as long as they are, for models that transcribe them."""
