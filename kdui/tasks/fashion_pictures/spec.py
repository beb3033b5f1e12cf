"""Facts of the pictures of clothing."""

from kdui.core.answer_facts import Picture
from kdui.core.contracts import TaskFacts
from kdui.core.metric import FRECHET
from kdui.tasks.fashion_mnist.spec import TASK as ITEMS

JUDGE = "3cd28f1d211e54f5ca4bc68be9c0c062290bf02cadfc83e5f08d808c39078fdd"  # sha256 of the classifier that pictures are judged by
NOISE = 64  # numbers that a picture is made of

TASK = TaskFacts(
    name="fashion-pictures",
    title="Fashion pictures",
    summary="28×28 pictures of clothing made of noise; judged against the 10,000 test images of Fashion-MNIST in the features of "
    "a classifier that comes with kdui.",
    modality="noise",
    problem="generation",
    headline=FRECHET,
    answer=Picture(channels=1, names=ITEMS.labels),
    splits=ITEMS.splits,
    input={"noise": NOISE, "height": 28, "width": 28, "channels": 1, "judge": JUDGE},
    resource=ITEMS.resource,
    examples=("7", "7, 2, 0", "7, 0, 2"),
)
