"""Facts of a task that a person's own masks make: a recipe names it ``own-masks:PATH`` (see ``core/own_names.py``)."""

from kdui.core.answer_facts import Mask
from kdui.core.contracts import TaskFacts
from kdui.core.metric import MEAN_IOU
from kdui.core.own_names import MASKS
from kdui.core.source import Resource

TASK = TaskFacts(
    name=MASKS,
    title="Own masks",
    summary="Tell the class of each pixel of your own images: a folder or a zip with folders images and masks of files of the "
    "same names, or with NAME.jpg beside NAME_mask.png. Masks are PNG files: numbers, a palette or colours, 0 or black is the "
    "background. Both are fitted whole into a square. A split that the data do not have is drawn by lot.",
    modality="image",
    problem="segmentation",
    headline=MEAN_IOU,
    answer=Mask(names=("background", "object")),
    splits={},
    input={"height": 128, "width": 128, "channels": 3, "whole": True},
    resource=Resource(name=MASKS, title="Own images", licence="your own data: they stay on this machine", sources=()),
)
