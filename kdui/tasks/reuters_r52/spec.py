"""Facts of the Reuters-R52 task."""

from kdui.core.answer_facts import Labels
from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.shared_sources import orange_texts
from kdui.core.source import LocalFile, Resource

STEM = "reuters-r52"
FILES = (f"{STEM}-train.tab", f"{STEM}-test.tab")
NAMES = (
    "acq",
    "alum",
    "bop",
    "carcass",
    "cocoa",
    "coffee",
    "copper",
    "cotton",
    "cpi",
    "cpu",
    "crude",
    "dlr",
    "earn",
    "fuel",
    "gas",
    "gnp",
    "gold",
    "grain",
    "heat",
    "housing",
    "income",
    "instal-debt",
    "interest",
    "ipi",
    "iron-steel",
    "jet",
    "jobs",
    "lead",
    "lei",
    "livestock",
    "lumber",
    "meal-feed",
    "money-fx",
    "money-supply",
    "nat-gas",
    "nickel",
    "orange",
    "pet-chem",
    "platinum",
    "potato",
    "reserves",
    "retail",
    "rubber",
    "ship",
    "strategic-metal",
    "sugar",
    "tea",
    "tin",
    "trade",
    "veg-oil",
    "wpi",
    "zinc",
)

TASK = TaskFacts(
    name="reuters-r52",
    title="Reuters topics (R52)",
    summary="1987 newswire in 52 topics by their short names, lower-cased, without punctuation or digits. Two topics have two "
    "thirds of the texts, 28 have fewer than twenty to learn from. Standard test set of 2,568 texts; duplicates removed from the "
    "training set.",
    modality="text",
    problem="classification",
    headline=ACCURACY,
    answer=Labels(names=NAMES),
    splits={"train": 5797, "validation": 643, "test": 2568},
    majority=42.1729,
    input={"max_length": 96, "lowercase": True},
    resource=Resource(
        name="reuters-r52",
        title="Reuters-21578 R52",
        licence="Reuters-21578 Distribution 1.0, for research",
        homepage="https://orangedatamining.com",
        files=FILES,
        sources=(
            LocalFile(path="reuters-r52"),
            orange_texts(*FILES),
        ),
    ),
    examples=(
        "coffee producers met in london to discuss export quotas after prices fell",
        "the central bank said money supply rose in the week ended march",
    ),
)
