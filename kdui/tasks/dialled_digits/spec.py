"""Facts of the dialled digits."""

from kdui.core.answer_facts import Transcript
from kdui.core.contracts import TaskFacts
from kdui.core.metric import WORD_ERROR_RATE
from kdui.core.source import Bundled, Resource

SAMPLES = 20_480  # 2.56 s: no number is longer
KEYS = "123456789*0#"  # of a keypad, row by row

TASK = TaskFacts(
    name="dialled-digits",
    title="Dialled digits (synthetic)",
    summary="1,000 telephone numbers of three to eight keys as the two tones of each key sound, up to 2.56 s at 8 kHz. "
    "Everything is synthesized: tones of 70 to 160 ms, slightly off their pitch and uneven in level, in white noise. Needs no "
    "download.",
    modality="recording",
    problem="ctc",
    headline=WORD_ERROR_RATE,
    answer=Transcript(names=tuple(KEYS)),
    splits={"train": 600, "validation": 100, "test": 300},
    input={"samples": SAMPLES, "rate": 8000},
    resource=Resource(
        name="dialled-digits",
        title="Dialled digits",
        licence="none: made by a rule",
        sources=(Bundled(package="numpy"),),
    ),
)
