"""Audio: mono waveforms of a fixed length at one rate, whatever the file that they came in."""

RATE = 8000  # samples a second, as in telephony: speech has little that matters above 4 kHz
