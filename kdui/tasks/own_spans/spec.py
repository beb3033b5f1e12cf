"""Facts of a task that a person's own questions on passages make: a recipe names it ``own-spans:PATH``."""

from kdui.core.answer_facts import Span
from kdui.core.contracts import TaskFacts
from kdui.core.metric import SPAN_F1
from kdui.core.own_names import SPANS
from kdui.core.source import Resource

WORDS = 256  # of a passage, and tokens of question and passage together, that models read

TASK = TaskFacts(
    name=SPANS,
    title="Own questions",
    summary="Answer questions with a piece of the passage that they are about: your own file in SQuAD's form, or a table (CSV, "
    "TSV, JSON lines, Parquet) with columns of passages, questions and answers. Split by passage.",
    modality="passage",
    problem="spans",
    headline=SPAN_F1,
    answer=Span(words=WORDS),
    splits={},
    input={"max_length": WORDS},
    resource=Resource(name=SPANS, title="Own questions", licence="your own data: they stay on this machine", sources=()),
)
