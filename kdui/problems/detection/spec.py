"""Facts of detection."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(name="detection", title="Detection", gives=frozenset({"rows", "truths", "columns", "answers", "boxes"}))
