"""Facts of the Fashion-MNIST task."""

from kdui.core.answer_facts import Labels
from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.source import DebianPackage, LocalFile, Resource

FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")

TASK = TaskFacts(
    name="fashion-mnist",
    title="Fashion-MNIST",
    summary="70,000 grey 28×28 images of clothing in ten classes; standard test set of 10,000 images.",
    modality="image",
    version=2,
    problem="classification",
    headline=ACCURACY,
    answer=Labels(
        names=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
    ),
    splits={"train": 55000, "validation": 5000, "test": 10000},
    majority=10.0,
    input={"height": 28, "width": 28, "channels": 1, "mirror": True},  # a mirrored shoe is a shoe
    resource=Resource(
        name="fashion-mnist",
        title="Fashion-MNIST",
        licence="MIT",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        files=FILES,
        # The hub's copy is parquet, which needs a reader of 40 MB; the original four files are what the package installs.
        sources=(
            LocalFile(path="fashion-mnist"),
            DebianPackage(
                package="dataset-fashion-mnist",
                members={name: f"/usr/share/datasets/fashion-mnist/{name}" for name in FILES},
            ),
        ),
    ),
)
