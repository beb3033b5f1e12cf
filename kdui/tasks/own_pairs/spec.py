"""Facts of a task that a person's own pairs of texts make: a recipe names it ``own-pairs:PATH`` (see ``core/own_names.py``)."""

from kdui.core.answer_facts import WrittenText
from kdui.core.contracts import TaskFacts
from kdui.core.metric import CHRF
from kdui.core.own_names import PAIRS
from kdui.core.source import Resource

TASK = TaskFacts(
    name=PAIRS,
    title="Own pairs",
    summary="Write the text that belongs to another one, such as its translation: your own table (CSV, TSV, JSON lines, Parquet) "
    "with a column of sources and one of targets, a folder with such a file for each split, or a data set of the Hugging Face "
    "Hub. Pairs that are nearly the same on either side never stand in two splits.",
    modality="text",
    problem="seq2seq",
    headline=CHRF,
    answer=WrittenText(given="source", written="target", verb="Write"),
    splits={},
    input={"max_length": 256},
    resource=Resource(name=PAIRS, title="Own pairs", licence="your own data: they stay on this machine", sources=()),
)
