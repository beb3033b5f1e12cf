"""Facts of finding spans."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(name="spans", title="Finding spans", gives=frozenset({"rows", "truths", "answers"}))
