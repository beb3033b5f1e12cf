"""Reads 20 Newsgroups from Orange's tab-separated files."""

from pathlib import Path

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples
from kdui.tasks.newsgroups.spec import NAMES, STEM
from kdui.tasks.orange_topics import topic_splits

_SEED = 1993


def load(folder: Path) -> dict[Split, Examples]:
    """See ``topic_splits``."""
    return topic_splits(folder, STEM, {name: number for number, name in enumerate(NAMES)}, _SEED)
