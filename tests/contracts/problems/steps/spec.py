"""Facts of a toy problem."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(name="steps", title="Naming steps", gives=frozenset({"rows", "columns"}))
