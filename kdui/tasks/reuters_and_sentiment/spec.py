"""Facts of the task that combines Reuters-R8 and the film reviews."""

from kdui.core.answer_facts import Labels
from kdui.core.contracts import TaskFacts
from kdui.core.metric import Metric
from kdui.core.source import Resource
from kdui.tasks.reuters_r8.spec import TASK as REUTERS
from kdui.tasks.sentiment.spec import TASK as SENTIMENT

TASK = TaskFacts(
    name="reuters-and-sentiment",
    title="Reuters topics and film reviews",
    summary="Two tasks for one model: the topic of a newswire text, and the sentiment of a film review. The reviews are "
    "subsampled once to the number of newswire texts for training; validation and test data are complete.",
    modality="text",
    problem="several",
    headline=Metric(name="accuracy", title="Accuracy, mean of the tasks", unit="%"),
    answer=Labels(names=(*REUTERS.labels, *SENTIMENT.labels), parts=(REUTERS.name, SENTIMENT.name)),
    splits={
        "train": 2 * REUTERS.splits["train"],
        "validation": REUTERS.splits["validation"] + SENTIMENT.splits["validation"],
        "test": REUTERS.splits["test"] + SENTIMENT.splits["test"],
    },
    majority=((REUTERS.majority or 0) + (SENTIMENT.majority or 0)) / 2,  # the headline is the mean of the tasks
    input={"max_length": REUTERS.input["max_length"], "lowercase": True},
    resource=Resource(
        name="reuters-and-sentiment",
        title=f"{REUTERS.resource.title}; {SENTIMENT.resource.title}",
        licence=f"{REUTERS.resource.licence}; {SENTIMENT.resource.licence}",
        sources=(),  # its parts bring their own files
    ),
    examples=tuple(text for pair in zip(REUTERS.examples, SENTIMENT.examples, strict=True) for text in pair)[:8],
)
