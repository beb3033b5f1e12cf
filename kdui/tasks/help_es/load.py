"""Reads the sentence pairs."""

from pathlib import Path

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples
from kdui.tasks.help_es.spec import TASK
from kdui.tasks.sentence_pairs import read_pairs, split_pairs


def load(folder: Path) -> dict[Split, Examples]:
    """English sentences with the code points of their Spanish translations."""
    return split_pairs(read_pairs(folder / TASK.resource.files[0]))
