"""Facts of sequence-to-sequence learning."""

from kdui.core.contracts import ProblemFacts
from kdui.core.metric import PERPLEXITY

PROBLEM = ProblemFacts(
    name="seq2seq",
    title="Sequence to sequence",
    gives=frozenset({"rows", "truths", "tokens", "answers"}),
    watched=PERPLEXITY,
    streams=True,
)
