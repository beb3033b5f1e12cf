"""Facts of the composed boxes."""

from kdui.core.answer_facts import Boxes
from kdui.core.contracts import TaskFacts
from kdui.core.metric import MEAN_AP
from kdui.tasks.composed_scenes.spec import TASK as SCENES
from kdui.tasks.fashion_mnist.spec import TASK as ITEMS

TASK = TaskFacts(
    name="composed-boxes",
    title="Composed boxes",
    summary="The made-up scenes of the task composed scenes: two to five items of Fashion-MNIST on a grey canvas of 128×128 with "
    "noise, a box around each and its kind. Items of one split are in no other.",
    modality="image",
    problem="detection",
    headline=MEAN_AP,
    answer=Boxes(names=("background", *ITEMS.labels)),
    splits=SCENES.splits,
    input=SCENES.input,
    resource=ITEMS.resource,
)
