"""What a task is judged by: a metric that knows its own direction, so that nobody else subtracts."""

import math
from typing import Any

from kdui.core.numbers import THIN, number, signed, significant
from kdui.core.plain import Frozen

PEOPLE = frozenset({"Fréchet"})  # after whom a metric is named


class Metric(Frozen):
    """A metric's name, unit and direction; the headline metric of a task is the y axis of its charts."""

    name: str
    title: str
    unit: str
    higher_is_better: bool = True

    @property
    def sign(self) -> int:
        """1 where more is better, else −1: multiplies values (also arrays) into an order in which more is better."""
        return 1 if self.higher_is_better else -1

    @property
    def difference_unit(self) -> str:
        """What a difference is counted in: points for percentages, else the unit."""
        return "points" if self.unit == "%" else self.unit

    def gain_unit(self, gain: float) -> str:
        """What follows a gain's number, whose plus means better: points; where lower is better, what its sign means."""
        if self.higher_is_better:
            return self.difference_unit
        return f"{self.difference_unit}{' better' if gain > 0 else ' (worse)' if gain < 0 else ''}".strip()

    def least(self, examples: int | None) -> float:
        """The smallest difference that this many examples can show, of a share; 0 where nothing tells it."""
        return 100 / examples if examples and self.unit == "%" else 0.0

    @property
    def direction(self) -> str:
        """What an axis or a heading says of a metric whose direction does not go without saying."""
        return "" if self.higher_is_better else "lower is better"

    @property
    def worsens(self) -> str:
        """The verb for a value that gets worse; ``improves`` for one that gets better."""
        return "falls" if self.higher_is_better else "rises"

    @property
    def improves(self) -> str:
        return "rises" if self.higher_is_better else "falls"

    @property
    def noun(self) -> str:
        """The title within a sentence: accuracy, mean IoU; what is no plain word keeps its capitals (NDCG@10, Fréchet)."""
        return " ".join(word.lower() if word[1:].islower() and word not in PEOPLE else word for word in self.title.split(" "))

    @property
    def unsaid(self) -> str:
        """The noun, where a value with its unit does not say it already, as 24.2 chrF does."""
        return "" if self.unit.casefold() == self.title.casefold() else self.noun

    def axis(self, split: str = "") -> str:
        """The title of an axis: test accuracy, %; a direction that does not go without saying is said."""
        name = f"{split} {self.noun}".strip()
        unit = "" if self.unit.casefold() == self.title.casefold() else self.unit
        return ", ".join(part for part in (name, unit, self.direction) if part)

    def better(self, one: float, other: float) -> bool:
        """Whether one value is better than the other; a NaN never is."""
        return one > other if self.higher_is_better else one < other

    def gain(self, new: Any, old: Any) -> Any:
        """How much better the new value is, in ``difference_unit``, negative where it is worse; also of arrays and columns."""
        return (new - old) * self.sign

    def lowered(self, value: float, loss: float) -> float:
        """The value that is worse than this one by ``loss``."""
        return value - self.sign * loss

    def retained(self, new: float | None, of: float | None) -> float | None:
        """How much of a reference is kept, in percent: 100 is as good, more is better, whichever way the metric goes.

        Where lower is better the fraction is turned round. None where either is unknown or not above zero.
        """
        if not new or not of or not (math.isfinite(new) and math.isfinite(of)) or new < 0 or of < 0:
            return None
        return 100.0 * (new / of if self.higher_is_better else of / new)

    def keeps(self, new: float, of: float, loss: float) -> bool:
        """Whether no more than ``loss`` is lost: points for percentages, else percent of the reference."""
        if self.unit == "%":
            return bool(self.gain(new, of) >= -loss)
        kept = self.retained(new, of)
        return kept is not None and kept >= 100 - loss

    def required(self, retained: float, of: float) -> float:
        """The value that keeps ``retained`` percent of a reference: the inverse of ``retained``."""
        share = retained / 100
        return of * share if self.higher_is_better else of / share if share else math.inf

    def format(self, value: float | None) -> str:
        """A value with its unit: 97.6 %, 1.23 bits per byte."""
        return number(value, self.unit)

    def format_change(self, before: float, after: float) -> str:
        """From what to what, the unit once: 91.2 to 83.4 %."""
        unit = f"{THIN}{self.unit}"
        return f"{self.format(before).removesuffix(unit)} to {self.format(after)}".replace(THIN, " ")

    def format_gain(self, gain: float, half_width: float | None = None, places: int | None = None) -> str:
        """A gain in words that cannot be read the wrong way round: +0.4 ± 0.2 points; 0.12 bits per byte lower.

        ``places``: decimals, where the default (one for points, else two digits) is too coarse or too fine.
        """
        places = self.places_of(gain, half_width) if places is None else places
        width = "" if half_width is None else f" ± {half_width:.{places}f}"
        if self.higher_is_better:
            return f"{signed(gain, places)}{width} {self.difference_unit}".strip()
        text = f"{abs(gain):.{places}f}"
        way = "" if float(text) == 0 else " lower" if gain > 0 else " higher"
        return f"{text}{width} {self.difference_unit}".strip() + way

    def format_loss(self, loss: float) -> str:
        """What is given up, as a magnitude: 0.28 points, 1.2 bits per byte; "less than 0.1 points" where it rounds to nothing."""
        least = 0.05 if self.unit == "%" else 0.0
        if loss <= least:
            return f"less than 0.1 {self.difference_unit}" if least else f"0 {self.difference_unit}"
        return f"{significant(loss, 2 if loss < 10 else 3)} {self.difference_unit}".strip()

    def format_detectable(self, effect: float) -> str:
        """A difference that could have been seen, with as many places as it needs: 1.2 points, 0.0031 bits per byte."""
        return f"{effect:.{self.places_of(effect)}f} {self.difference_unit}".strip()

    def places_of(self, gain: float, half_width: float | None = None) -> int:
        """Decimals of a difference: one for points, else as many as show two digits of the gain or of its interval."""
        if self.unit == "%":
            return 1
        largest = max(abs(gain), half_width or 0.0)
        return max(0, 1 - math.floor(math.log10(largest))) if largest and math.isfinite(largest) else 1


ACCURACY = Metric(name="accuracy", title="Accuracy", unit="%")
SPAN_F1 = Metric(name="f1", title="F1", unit="%")
MEAN_IOU = Metric(name="mean_iou", title="Mean IoU", unit="%")
MEAN_AP = Metric(name="mean_ap", title="mAP", unit="%")  # over the thresholds 0.50 to 0.95, as COCO has it
NDCG = Metric(name="ndcg_at_10", title="NDCG@10", unit="")
BITS_PER_BYTE = Metric(name="bits_per_byte", title="Bits per byte", unit="bits per byte", higher_is_better=False)
PERPLEXITY = Metric(name="perplexity", title="Perplexity per token", unit="", higher_is_better=False)
WORD_ERROR_RATE = Metric(name="word_error_rate", title="Word error rate", unit="%", higher_is_better=False)
FRECHET = Metric(name="frechet_distance", title="Fréchet distance", unit="", higher_is_better=False)  # in a judge's features
CHRF = Metric(name="chrf", title="chrF", unit="chrF")  # 0 to 100
