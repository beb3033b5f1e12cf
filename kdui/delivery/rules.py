"""What a claim is compared with: the task's unit, our own interval and our own least number of examples, never the file's.

A file that is checked must not choose the rule: a claim in another unit, over too few examples, with an interval that is not that
of its examples, or made twice, is refused whatever its value.
"""

from collections import Counter
from typing import Literal

from kdui.core.measurement import Origin
from kdui.core.metric import Metric
from kdui.core.plain import Frozen
from kdui.core.statistics.intervals import wilson
from kdui.delivery.claims import Claim, Claims

LEAST_EXAMPLES = 200  # of a task's test data; a smaller split counts whole
SAME_POINTS = 0.1  # of a share in %: on the same examples and device it may differ by no more
OTHER_DEVICE_POINTS = 1.0  # other kernels round otherwise, which turns few answers
SAME_SHARE, OTHER_DEVICE_SHARE = 0.01, 0.05  # of a figure in another unit
COUNTED_SHARE = 0.02  # of weights and MACs: export leaves out what no answer reads, such as a pooler

Verdict = Literal["pass", "fail", "other device", "not checked"]
UNITS = {"file_bytes": "B", "packed_bytes": "B", "latency_p50": "ms", "parameters": "", "nonzero": "", "macs": "MAC"}


class Check(Frozen):
    """One claim beside what was found now. ``weighs``: it mentions the model's quality, without which nothing is verified."""

    what: str
    claimed: str
    found: str
    verdict: Verdict
    note: str = ""
    weighs: bool = False


def least_examples(test: int) -> int:
    """How many examples of a test split a claim about quality must rest on."""
    return min(test, LEAST_EXAMPLES)


def twice(claims: Claims) -> list[Check]:
    """Figures that are claimed more than once: nobody can tell which one counts."""
    counted = Counter(claim.metric for claim in claims.figures)
    return [
        Check(what=f"claim of {name}", claimed=f"{number} times", found="", verdict="fail", note="a figure is claimed once")
        for name, number in counted.items()
        if number > 1
    ]


def misstated(claim: Claim, unit: str) -> str:
    """Why a claim cannot be what it says, in words, whatever was found; empty where nothing speaks against it."""
    if claim.unit != unit:
        return f"it is claimed in '{claim.unit}', but measured in '{unit or 'a plain number'}'"
    ends = [end for end in (claim.low, claim.high) if end is not None]
    if len(ends) == 1 or (ends and not ends[0] <= claim.value <= ends[1]):
        return "the claimed interval does not hold the claimed value"
    return ""


def quality(
    claim: Claim, metric: Metric, found: float, count: int, claims: Claims, *, test: int, same_data: bool, same_device: bool,
    simulated: bool, headline: bool,
) -> Check:  # fmt: skip
    """A figure of the task's problem, found over the first ``count`` of ``test`` examples."""
    title = f"{metric.title}, {count:,} test examples"
    check = Check(what=title, claimed=figure(claim), found=f"{found:.2f} {metric.unit}".strip(), verdict="fail", weighs=headline)
    reason = misstated(claim, metric.unit) or _misstated_quality(claim, metric, claims, simulated, headline)
    if reason:
        return check.model_copy(update={"note": reason})
    least = least_examples(test)
    few = claim.n is None or claim.n < least or claims.data.n < least
    low, high = _interval(claim.value, metric, count)
    gap = abs(found - claim.value)
    if few or not same_data:
        about = (
            f"claimed over {claim.n or 'an unknown number of'} example(s); at least {least:,} of this task are needed"
            if few
            else f"other test data than claimed ({claims.data.task}, version {claims.data.version})"
        )
        if headline and metric.unit == "%" and not low <= found <= high:
            return check.model_copy(update={"note": f"{about}; outside {low:.2f} to {high:.2f}, what such a claim allows"})
        return check.model_copy(update={"verdict": "not checked", "note": about})
    allowed = _allowed(claim.value, metric, same_device)
    words = f"{allowed:.2g} {'points' if metric.unit == '%' else metric.unit}".strip()
    note = f"same examples{' and device' if same_device else ', other device'}: within {words}"
    return check.model_copy(update={"verdict": "pass" if gap <= allowed else "fail", "note": note})


def _misstated_quality(claim: Claim, metric: Metric, claims: Claims, simulated: bool, headline: bool) -> str:
    if claim.n is not None and claim.n > claims.data.n:
        return f"it is claimed over {claim.n:,} examples of test data that are said to be {claims.data.n:,}"
    if simulated and claim.origin is Origin.MEASURED:
        return "it is claimed as measured, but the file says that its weights are only rounded inside a float graph (simulated)"
    if metric.unit == "%" and not 0 <= claim.value <= 100:
        return "a share lies between 0 and 100 %"
    if headline and metric.unit == "%" and claim.low is not None and claim.high is not None and claim.n:
        low, high = _interval(claim.value, metric, claim.n)
        if max(abs(low - claim.low), abs(high - claim.high)) > SAME_POINTS:
            return f"the claimed interval is not that of {claim.n:,} examples, {low:.2f} to {high:.2f}"
    return ""


def _interval(value: float, metric: Metric, n: int) -> tuple[float, float]:
    """Between which figures a share of ``n`` examples may lie; of another metric nothing is known."""
    if metric.unit != "%" or not 0 <= value <= 100:
        return value, value
    low, high = wilson(value / 100, n)
    return 100 * low, 100 * high


def _allowed(value: float, metric: Metric, same_device: bool) -> float:
    if metric.unit == "%":
        return SAME_POINTS if same_device else OTHER_DEVICE_POINTS
    return max(abs(value), 0.1) * (SAME_SHARE if same_device else OTHER_DEVICE_SHARE)


def size(title: str, claim: Claim, found: int) -> Check:
    """A number of bytes is equal or wrong."""
    reason = misstated(claim, "B")
    verdict: Verdict = "pass" if not reason and found == claim.value else "fail"
    return Check(what=title, claimed=figure(claim), found=f"{found:,} B", verdict=verdict, note=reason or "without its claims")


def count(title: str, claim: Claim, unit: str, found: int | None, *, most: int | None, note: str = "") -> Check:
    """Weights, non-zeros or MACs. ``most``: what the model may have had before it was exported, from the graph alone.

    Weights cannot be held exactly: they were counted before export, which folds normalisation into kernels.
    """
    if reason := misstated(claim, unit):
        return Check(what=title, claimed=figure(claim), found="", verdict="fail", note=reason)
    if found is None:
        return Check(what=title, claimed=figure(claim), found="", verdict="not checked", note="this graph cannot be counted")
    low = found * (1 - COUNTED_SHARE)
    high = (found if most is None else most) * (1 + COUNTED_SHARE)
    verdict: Verdict = "pass" if low <= claim.value <= high else "fail"
    note = note or f"within {100 * COUNTED_SHARE:g} %"
    return Check(what=title, claimed=figure(claim), found=f"{found:,} {unit}".strip(), verdict=verdict, note=note)


def unclaimed(what: str, found: str = "", weighs: bool = False) -> Check:
    """A figure that a reader would look for and that the file leaves out."""
    note = "the file claims no such figure"
    return Check(what=what, claimed="nothing", found=found, verdict="not checked", note=note, weighs=weighs)


def figure(claim: Claim) -> str:
    """A claimed figure with its interval and the mark of its origin."""
    if claim.unit == "B":
        return f"{claim.value:,.0f} B {claim.origin.mark}"
    digits = ".3g" if claim.unit == "ms" else ",.0f" if claim.unit in ("", "MAC") and abs(claim.value) >= 100 else ".2f"
    interval = f" ({claim.low:{digits}} to {claim.high:{digits}})" if claim.low is not None and claim.high is not None else ""
    return " ".join(filter(None, (f"{claim.value:{digits}}{interval}", claim.unit, claim.origin.mark)))
