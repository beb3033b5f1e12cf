"""How much of a generated text repeats itself: the share of its runs of four words that occurred in it before.

seq-rep-4 of Welleck et al. 2020, "Neural text generation with unlikelihood training", arXiv:1908.04319, section 6, of greedy
decoding; of words and marks, not tokens, so that it does not depend on the tokenizer.
"""

import re
from collections.abc import Sequence

import numpy as np

from kdui.core.statistics.distributions import t_quantile
from kdui.problems.language_model.measures import REPEATED, Figure

RUN = 4
WORD = re.compile(r"\w+|[^\w\s]")
PROMPTED, GENERATED = 12, 64  # words of a prompt; tokens that are generated after it


def repeated(text: str) -> float | None:
    """1 − different ÷ all runs of four words, where a punctuation mark is one; None of a text without a run."""
    words = WORD.findall(text)
    runs = [tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else None


def prompts(texts: Sequence[str], count: int) -> list[tuple[str, str]]:
    """Beginnings of passages, evenly over the split, and how each really goes on."""
    long = [words for words in (text.split() for text in texts) if len(words) >= 2 * PROMPTED]
    if not long:
        return []
    places = np.unique(np.linspace(0, len(long) - 1, min(len(long), count)).round().astype(int))
    return [(" ".join(long[place][:PROMPTED]), " ".join(long[place][PROMPTED:])) for place in places]


def figure(generated: Sequence[str], real: Sequence[str]) -> Figure | None:
    """The mean over texts in %, with the interval of a t-test; None where no text is long enough.

    ``real``: how the passages go on; their own rate is what a rate can be held against.
    """
    rates = [100 * rate for rate in map(repeated, generated) if rate is not None]
    if not rates:
        return None
    mean, n = float(np.mean(rates)), len(rates)
    width = t_quantile(n - 1) * float(np.std(rates, ddof=1)) / n**0.5 if n > 1 else 0.0
    own = [100 * rate for rate in map(repeated, real) if rate is not None]
    beside = f"; {float(np.mean(own)):.1f} % where these passages really go on" if own else ""
    note = f"greedy decoding of {GENERATED} tokens after {PROMPTED} words of test passages{beside}"
    return Figure(REPEATED, mean, max(0.0, mean - width), min(100.0, mean + width), n, note)
