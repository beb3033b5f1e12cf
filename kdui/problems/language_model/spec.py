"""Facts of language modelling."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(
    name="language-model",
    title="Language modelling",
    gives=frozenset({"rows", "truths", "tokens", "continuations"}),
    streams=True,
)
