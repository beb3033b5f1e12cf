"""Facts of the digits task."""

from kdui.core.answer_facts import Labels
from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.source import Bundled, Resource

TASK = TaskFacts(
    name="digits",
    title="Digits",
    summary="1,797 handwritten digits as 8×8 grey images. Small enough to train in seconds.",
    modality="image",
    problem="classification",
    headline=ACCURACY,
    answer=Labels(names=tuple("0123456789")),
    splits={"train": 1259, "validation": 179, "test": 359},
    majority=10.3064,
    input={"height": 8, "width": 8, "channels": 1},
    resource=Resource(
        name="digits",
        title="Digits (scikit-learn)",
        licence="CC BY 4.0 (UCI Optical Recognition of Handwritten Digits)",
        homepage="https://archive.ics.uci.edu/dataset/80",
        sources=(Bundled(package="sklearn"),),
    ),
)
