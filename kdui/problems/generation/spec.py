"""Facts of generation."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(name="generation", title="Generation", gives=frozenset({"pictures"}))
