"""Facts of the 20 Newsgroups task."""

from kdui.core.answer_facts import Labels
from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.shared_sources import orange_texts
from kdui.core.source import LocalFile, Resource

STEM = "20newsgroups"
FILES = (f"{STEM}-train.tab", f"{STEM}-test.tab")
NAMES = (
    "alt.atheism",
    "comp.graphics",
    "comp.os.ms-windows.misc",
    "comp.sys.ibm.pc.hardware",
    "comp.sys.mac.hardware",
    "comp.windows.x",
    "misc.forsale",
    "rec.autos",
    "rec.motorcycles",
    "rec.sport.baseball",
    "rec.sport.hockey",
    "sci.crypt",
    "sci.electronics",
    "sci.med",
    "sci.space",
    "soc.religion.christian",
    "talk.politics.guns",
    "talk.politics.mideast",
    "talk.politics.misc",
    "talk.religion.misc",
)

TASK = TaskFacts(
    name="newsgroups",
    title="20 Newsgroups",
    summary="Which of 20 newsgroups of 1993 was a message posted to? Lower-cased, without punctuation or digits, subjects first; "
    "split by date. Quotations and addresses of writers are left in and give some groups away. Standard test set of 7,528 "
    "messages; duplicates removed from the training set.",
    modality="text",
    problem="classification",
    headline=ACCURACY,
    answer=Labels(names=NAMES),
    splits={"train": 10136, "validation": 1126, "test": 7528},
    majority=5.3002,
    input={"max_length": 128, "lowercase": True},
    resource=Resource(
        name="newsgroups",
        title="20 Newsgroups, by date",
        licence="public messages, collected by Ken Lang; no licence stated",
        homepage="https://orangedatamining.com",
        files=FILES,
        sources=(
            LocalFile(path="newsgroups"),
            orange_texts(*FILES),
        ),
    ),
    examples=(
        "the shuttle launch was delayed again because of weather over the cape",
        "which graphics card works with windows and a large monitor",
    ),
)
