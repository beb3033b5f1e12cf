"""Facts of the spoken digits task."""

from kdui.core.answer_facts import Labels
from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.source import LocalFile, Resource, WebFile

FILE = "fsdd.zip"
HELD_OUT = ("theo", "yweweler")
_SHA256 = "1d1213898c1eba726b02ada5afd76566d9650a31693afd42047138fc4e2ea87b"
_COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"

TASK = TaskFacts(
    name="spoken-digits",
    title="Spoken digits",
    summary="3,000 recordings of the English digits by six speakers, one second at 8 kHz. Test: the 1,000 recordings of two "
    "speakers (theo, yweweler) who occur in no other part; validation: other recordings of the four training speakers.",
    modality="audio",
    problem="classification",
    headline=ACCURACY,
    answer=Labels(names=tuple("0123456789")),
    splits={"train": 1800, "validation": 200, "test": 1000},
    majority=10.0,
    input={"samples": 8000, "rate": 8000},
    resource=Resource(
        name="fsdd",
        title="Free Spoken Digit Dataset",
        licence="CC BY-SA 4.0 (Zohar Jackson and others)",
        homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
        files=(FILE,),
        sources=(
            LocalFile(path=FILE, sha256=_SHA256),
            WebFile(
                url=f"https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/zip/{_COMMIT}",
                name=FILE,
                size=16616302,
                sha256=_SHA256,
            ),
        ),
    ),
)
