"""Facts of the strings of spoken digits."""

from kdui.core.answer_facts import Transcript
from kdui.core.contracts import TaskFacts
from kdui.core.metric import WORD_ERROR_RATE
from kdui.tasks.spoken_digits.spec import TASK as DIGITS

SAMPLES = 28_800  # 3.6 s: no string is longer

TASK = TaskFacts(
    name="digit-strings",
    title="Strings of spoken digits",
    summary="1,750 composed utterances of two to five spoken digits, up to 3.6 s at 8 kHz: real recordings of one speaker each, "
    "joined with pauses and a little noise. Test: 400 strings by two speakers (theo, yweweler) who occur in no other part; "
    "validation: other recordings of the four training speakers. Nobody said these strings in one breath: digits don't run into "
    "one another.",
    modality="recording",
    problem="ctc",
    headline=WORD_ERROR_RATE,
    answer=Transcript(names=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")),
    splits={"train": 1200, "validation": 150, "test": 400},
    input={"samples": SAMPLES, "rate": DIGITS.input["rate"]},
    resource=DIGITS.resource,
)
