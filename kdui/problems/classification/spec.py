"""Facts of classification."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(
    name="classification", title="Classification", gives=frozenset({"rows", "truths", "columns", "labels", "classes", "answers"})
)
