"""Facts of a toy task."""

from kdui.core.contracts import TaskFacts
from kdui.core.metric import Metric
from kdui.core.source import Bundled, Resource

TASK = TaskFacts(
    name="waves",
    title="Waves",
    summary="Sums of sines with noise, of 10 to 40 places.",
    modality="wave",
    problem="steps",
    headline=Metric(name="errors", title="Errors", unit="per 100 places", higher_is_better=False),
    splits={"train": 400, "validation": 60, "test": 80},
    input={"longest": 40},
    resource=Resource(
        name="waves", title="Waves", licence="CC0-1.0", homepage="https://example.org", sources=(Bundled(package="numpy"),)
    ),
)
