"""Facts of a tiny ranking task."""

from kdui.core.answer_facts import Items
from kdui.core.contracts import TaskFacts
from kdui.core.metric import NDCG
from kdui.core.source import Bundled, Resource

TASK = TaskFacts(
    name="tiny-films",
    title="Tiny films",
    summary="Forty films of four kinds; everybody likes one kind.",
    modality="interactions",
    problem="ranking",
    headline=NDCG,
    answer=Items(count=40),
    splits={"train": 168, "validation": 24, "test": 48},
    input={"items": 40, "longest": 50},
    resource=Resource(name="tiny-films", title="Tiny films", licence="none: made by a rule", sources=(Bundled(package="numpy"),)),
)
