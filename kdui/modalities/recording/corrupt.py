"""Recordings made worse as other sounds are, without shifts: what they push over the end is no longer to be transcribed."""

from kdui.modalities.audio.corrupt import hissing, quieter
from kdui.modalities.corruption import Corruption

CORRUPTIONS: dict[str, Corruption] = {"noise": hissing, "gain": quieter}
