"""Models that always answer the most frequent label are told from those that have learned."""

import math

import pytest

from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import Metric
from kdui.core.majority import has_learned, unlearned_words
from kdui.core.numbers import THIN

SENTIMENT = TASKS["sentiment"]  # 57.79 % of its test reviews are positive
PERPLEXITY = SENTIMENT.model_copy(
    update={"headline": Metric(name="perplexity", title="Perplexity", unit="", higher_is_better=False), "majority": 40.0}
)


@pytest.mark.parametrize(
    ("facts", "headline", "low", "high", "learned"),
    [
        (SENTIMENT, 58.0, None, None, True),
        (SENTIMENT, 57.7, None, None, False),
        (SENTIMENT, 60.0, 56.9, 63.1, False),  # may be chance
        (SENTIMENT, 60.0, 58.1, 61.9, True),
        (SENTIMENT, 60.0, math.nan, math.nan, True),
        (SENTIMENT, math.nan, None, None, True),  # nothing measured, nothing to warn of
        (PERPLEXITY, 39.0, 38.0, 41.0, False),
        (PERPLEXITY, 30.0, 28.0, 32.0, True),
        (PERPLEXITY.model_copy(update={"majority": None}), 99.0, None, None, True),
    ],
)
def test_the_worse_end_of_the_interval_must_beat_one_label(facts, headline, low, high, learned):
    assert has_learned(facts, headline, low, high) is learned


def test_the_sentence_names_the_models_and_the_floor():
    assert unlearned_words(SENTIMENT, [], everyone=True) == ""
    one = unlearned_words(SENTIMENT, ["CNN"], everyone=False)
    assert one == f"Not trained yet: CNN is not shown to be better than always predicting one label (57.8{THIN}%)."
    assert "CNN and MLP are not" in unlearned_words(SENTIMENT, ["CNN", "MLP"], everyone=False)
    assert "no model is shown" in unlearned_words(SENTIMENT, ["CNN", "MLP"], everyone=True)
