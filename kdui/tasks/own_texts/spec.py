"""Facts of a task that a person's own labelled texts make: a recipe names it ``own-texts:PATH`` (see ``core/own_names.py``)."""

from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.own_names import TEXTS
from kdui.core.source import Resource

TASK = TaskFacts(
    name=TEXTS,
    title="Own texts",
    summary="Predict the label of your own texts: a CSV, TSV, JSON lines or Parquet file with a column of texts and one of "
    "labels, a folder with such a file for each split, or a data set of the Hugging Face Hub. A split that the data do not "
    "have is drawn class by class; copies are left out, and texts that are nearly the same never stand in two splits.",
    modality="text",
    problem="classification",
    headline=ACCURACY,
    splits={},
    input={"max_length": 128},
    resource=Resource(name=TEXTS, title="Own texts", licence="your own data: they stay on this machine", sources=()),
)
