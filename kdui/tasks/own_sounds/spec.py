"""Facts of a task that a person's own sounds make: a recipe names it ``own-sounds:PATH`` (see ``core/own_names.py``)."""

from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.own_names import SOUNDS
from kdui.core.source import Resource

TASK = TaskFacts(
    name=SOUNDS,
    title="Own sounds",
    summary="Predict the class of your own sounds: a folder or a zip of WAV files with one folder for each class, perhaps below "
    "train, validation and test. Of each the second with the most energy is taken, at 8 kHz. A split that the data do not have "
    "is drawn class by class; copies are left out.",
    modality="audio",
    problem="classification",
    headline=ACCURACY,
    splits={},
    input={"samples": 8000, "rate": 8000},
    resource=Resource(name=SOUNDS, title="Own sounds", licence="your own data: they stay on this machine", sources=()),
)
