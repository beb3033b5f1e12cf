"""What a language model is judged by beside bits per byte, as charts name it, and how such a quantity is told."""

from typing import NamedTuple

from kdui.core.metric import Metric

DIVERGENCE = Metric(
    name="teacher_divergence", title="KL divergence from the teacher", unit="nats per token", higher_is_better=False
)
AGREEMENT = Metric(name="teacher_agreement", title="Top-1 agreement with the teacher", unit="%")
CHOSEN = Metric(name="continuation_choice", title="Continuation chosen out of four", unit="%")
REPEATED = Metric(name="repetition", title="Repeated 4-grams in generated text", unit="%", higher_is_better=False)
MEASURES = {metric.name: metric for metric in (AGREEMENT, DIVERGENCE, CHOSEN, REPEATED)}


class Figure(NamedTuple):
    """A metric's value with its 95 % interval, in its unit, over ``n`` texts or questions."""

    metric: Metric
    value: float
    low: float
    high: float
    n: int
    note: str = ""
