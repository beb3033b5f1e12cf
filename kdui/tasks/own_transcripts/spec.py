"""Facts of a task that own recordings with transcripts make: a recipe names it ``own-transcripts:PATH``."""

from kdui.core.contracts import TaskFacts
from kdui.core.metric import WORD_ERROR_RATE
from kdui.core.own_names import TRANSCRIPTS
from kdui.core.source import Resource

TASK = TaskFacts(
    name=TRANSCRIPTS,
    title="Own transcripts",
    summary="Write down what is said in your own recordings: a folder or a zip of WAV files and a table (CSV, TSV, JSON lines) "
    "of file and text, perhaps with columns for the split and the speaker. Symbols are words where there are few different ones, "
    "else letters. A speaker never stands in two splits.",
    modality="recording",
    problem="ctc",
    headline=WORD_ERROR_RATE,
    splits={},
    input={"samples": 80_000, "rate": 8000},
    resource=Resource(name=TRANSCRIPTS, title="Own recordings", licence="your own data: they stay on this machine", sources=()),
)
