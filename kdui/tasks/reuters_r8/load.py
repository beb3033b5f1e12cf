"""Reads Reuters-R8 from Orange's tab-separated files."""

from pathlib import Path

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples
from kdui.tasks.orange_topics import topic_splits

# In the order of the labels in spec.py.
_CATEGORIES = {"acq": 0, "crude": 1, "earn": 2, "grain": 3, "interest": 4, "money-fx": 5, "ship": 6, "trade": 7}
_SEED = 21578


def load(folder: Path) -> dict[Split, Examples]:
    """See ``topic_splits``."""
    return topic_splits(folder, "reuters-r8", _CATEGORIES, _SEED)
