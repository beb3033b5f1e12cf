"""Facts of a task that a person's own images make: a recipe names it ``own-pictures:PATH`` (see ``core/own_names.py``)."""

from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.own_names import PICTURES
from kdui.core.source import Resource

TASK = TaskFacts(
    name=PICTURES,
    title="Own images",
    summary="Predict the class of your own images: a folder or a zip with one folder for each class, perhaps below train, "
    "validation and test. Images of several sizes are fitted into one. A split that the data do not have is drawn class by "
    "class; copies are left out, and images that are nearly the same never stand in two splits.",
    modality="image",
    problem="classification",
    headline=ACCURACY,
    splits={},
    input={"height": 64, "width": 64, "channels": 3, "whole": True},
    resource=Resource(name=PICTURES, title="Own images", licence="your own data: they stay on this machine", sources=()),
)
