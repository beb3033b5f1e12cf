"""Facts of a task that a person's own text makes: a recipe names it ``own-corpus:PATH`` (see ``core/own_names.py``)."""

from kdui.core.answer_facts import NextToken
from kdui.core.contracts import TaskFacts
from kdui.core.metric import BITS_PER_BYTE
from kdui.core.own_names import CORPUS
from kdui.core.source import Resource

FOLDER = "corpora"  # in KDUI_HOME, with a folder for each digest
TEXTS, FACTS = "texts.json", "corpus.json"

TASK = TaskFacts(
    name=CORPUS,
    title="Own corpus",
    summary="Predict each next token of your own text, a file or a folder of .txt and .md files, in passages of at most 700 "
    "bytes. Lines stay lines; empty lines and indentation are left out. Of a folder, whole files are held out for validation "
    "and test; of one file, its last two tenths.",
    modality="text",
    problem="language-model",
    headline=BITS_PER_BYTE,
    answer=NextToken(),
    splits={},
    input={"max_length": 768},  # a passage has 700 bytes at most, and no tokenizer here makes more tokens than bytes of it
    resource=Resource(name=CORPUS, title="Own text", licence="your own text: it stays on this machine", sources=()),
)
