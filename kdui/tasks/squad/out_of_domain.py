"""XQuAD in German and Spanish: the same questions in other languages.

Only those about the test articles, whose English originals no training saw. English is left out: its questions are SQuAD's.
"""

from pathlib import Path

from kdui.tasks.examples import Examples
from kdui.tasks.squad.load import articles_of, examples_of, read_questions

_FILES = {"german": "xquad.de.json", "spanish": "xquad.es.json"}


def load(name: str, folder: Path) -> Examples:
    """The questions in the file's order."""
    asked = read_questions(folder / _FILES[name])
    titles = articles_of({each.article for each in asked})["test"]
    return examples_of([each for each in asked if each.article in titles], name)
