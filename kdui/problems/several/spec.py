"""Facts of several classifications at once."""

from kdui.core.contracts import ProblemFacts

PROBLEM = ProblemFacts(name="several", title="Several classifications", gives=frozenset({"parts", "classes", "answers"}))
