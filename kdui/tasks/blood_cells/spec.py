"""Facts of the blood cells task."""

from kdui.core.answer_facts import Boxes
from kdui.core.contracts import TaskFacts
from kdui.core.metric import MEAN_AP
from kdui.core.source import LocalFile, Resource

FILE = "bccd.zip"
HEIGHT, WIDTH = 240, 320  # half of the photographs' size
KINDS = {"RBC": "red cell", "WBC": "white cell", "Platelets": "platelet"}  # as the annotations call them

TASK = TaskFacts(
    name="blood-cells",
    title="Blood cells",
    summary="364 photographs of blood smears through a microscope (BCCD) at half their size, 320×240, with a box around each red "
    "cell, white cell and platelet: 13 an image, many of which overlap. The data set's own split.",
    modality="image",
    problem="detection",
    headline=MEAN_AP,
    answer=Boxes(names=("background", *KINDS.values())),
    splits={"train": 205, "validation": 87, "test": 72},
    input={"height": HEIGHT, "width": WIDTH, "channels": 3, "mirror": True},
    resource=Resource(
        name="bccd",
        title="BCCD",
        licence="MIT",
        homepage="https://github.com/Shenggan/BCCD_Dataset",
        files=(FILE,),
        sources=(LocalFile(path=FILE, sha256="09d13cc55ef6dbb8cf2d2c47da8e001e422b73f1a751903e6c50858ba7f8f5ab"),),
    ),
)
