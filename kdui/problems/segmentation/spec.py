"""Facts of segmentation."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(name="segmentation", title="Segmentation", gives=frozenset({"rows", "truths", "columns", "answers"}))
