"""Whether a model has learned anything: the baseline is always predicting the test data's most frequent label.

A share of such a model "kept", a speed-up over it or its calibration say nothing, so every headline asks here first.
"""

from collections.abc import Iterable

from kdui.core.contracts import TaskFacts


def has_learned(facts: TaskFacts, headline: float, low: float | None = None, high: float | None = None) -> bool:
    """Whether the headline is shown to be better than always predicting one label.

    ``low`` and ``high``: its 95 % interval, of which the worse end counts; without one the headline itself does.
    True for a task that has no such figure.
    """
    if facts.majority is None or headline != headline:
        return True
    worse = low if facts.headline.higher_is_better else high
    value = headline if worse is None or worse != worse else worse
    return facts.headline.better(value, facts.majority)


def floor_words(facts: TaskFacts) -> str:
    """What a model is compared with: always predicting one label (58.0 %)."""
    return f"always predicting one label ({facts.headline.format(facts.majority or 0)})"


def unlearned_words(facts: TaskFacts, names: Iterable[str], everyone: bool) -> str:
    """The sentence about models that have not learned; ``everyone``: they are all there are. Empty where there are none."""
    named = list(names)
    if not named:
        return ""
    if everyone and len(named) > 1:
        return f"Not trained yet: no model is shown to be better than {floor_words(facts)}."
    verb = "is" if len(named) == 1 else "are"
    return f"Not trained yet: {_listed(named)} {verb} not shown to be better than {floor_words(facts)}."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
