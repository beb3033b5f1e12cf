"""Facts of ranking."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(
    name="ranking",
    title="Ranking",
    gives=frozenset({"rows", "truths", "ranks"}),
    baselines=("popularity", "matrix-factorization"),
)
