"""Facts of the composed scenes."""

from kdui.core.answer_facts import Mask
from kdui.core.contracts import TaskFacts
from kdui.core.metric import MEAN_IOU
from kdui.tasks.fashion_mnist.spec import TASK as ITEMS

SIDE = 128  # of the canvas, pixels

TASK = TaskFacts(
    name="composed-scenes",
    title="Composed scenes",
    summary="1,300 made-up scenes of real pixels: two to five items of Fashion-MNIST, 28 to 56 pixels large, on a grey canvas of "
    "128×128 with noise; each pixel one of ten kinds of clothing or background. Items of one split are in no other.",
    modality="image",
    problem="segmentation",
    headline=MEAN_IOU,
    answer=Mask(names=("background", *ITEMS.labels)),
    splits={"train": 800, "validation": 150, "test": 350},
    input={"height": SIDE, "width": SIDE, "channels": 1, "mirror": True, "whole": True},
    resource=ITEMS.resource,
)
