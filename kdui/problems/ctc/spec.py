"""Facts of transcribing recordings."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(name="ctc", title="Transcription", gives=frozenset({"rows", "frames", "answers"}))
