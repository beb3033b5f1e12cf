"""Spoken digits: zero to nine in English, recorded at 8 kHz by six people; the test hears two of them for the first time."""
