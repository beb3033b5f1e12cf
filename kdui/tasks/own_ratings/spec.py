"""Facts of a task that a person's own ratings make: a recipe names it ``own-ratings:PATH`` (see ``core/own_names.py``)."""

from kdui.core.answer_facts import Items
from kdui.core.contracts import TaskFacts
from kdui.core.metric import NDCG
from kdui.core.own_names import RATINGS
from kdui.core.source import Resource

LONGEST = 50  # items of a history that models read, as ``tasks.histories`` cuts them

TASK = TaskFacts(
    name=RATINGS,
    title="Own ratings",
    summary="Which items does a person take next? Your own table (CSV, TSV, JSON lines, Parquet) with a row for each time that "
    "somebody took something: user, item, perhaps rating and time. Split by time; without times, the order is drawn by lot.",
    modality="interactions",
    problem="ranking",
    headline=NDCG,
    answer=Items(count=1000),
    splits={},
    input={"items": 1000, "longest": LONGEST},
    resource=Resource(name=RATINGS, title="Own ratings", licence="your own data: they stay on this machine", sources=()),
)
