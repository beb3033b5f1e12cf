"""Facts of a task that a person's own boxes make: a recipe names it ``own-boxes:PATH`` (see ``core/own_names.py``)."""

from kdui.core.answer_facts import Boxes
from kdui.core.contracts import TaskFacts
from kdui.core.metric import MEAN_AP
from kdui.core.own_names import BOXES
from kdui.core.source import Resource

TASK = TaskFacts(
    name=BOXES,
    title="Own boxes",
    summary="Find the objects in your own images: a folder or a zip of images with boxes in COCO's form (a JSON file, or one for "
    "each split) or Pascal VOC's (an XML file for each image). Images are fitted whole into a square. A split that the data do "
    "not have is drawn by lot; copies are left out, and images that are nearly the same never stand in two splits.",
    modality="image",
    problem="detection",
    headline=MEAN_AP,
    answer=Boxes(names=("background", "object")),
    splits={},
    input={"height": 128, "width": 128, "channels": 3, "whole": True},
    resource=Resource(name=BOXES, title="Own images", licence="your own data: they stay on this machine", sources=()),
)
