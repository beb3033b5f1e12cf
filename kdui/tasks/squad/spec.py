"""Facts of the questions about Wikipedia."""

from kdui.core.answer_facts import Span
from kdui.core.contracts import OutOfDomain, TaskFacts
from kdui.core.metric import SPAN_F1
from kdui.core.source import LocalFile, Resource, WebFile

FILE = "squad-dev-v1.1.json"  # or the same in gzip
WORDS = 256  # of a passage, and tokens of question and passage together, that models read
LICENCE = "CC BY-SA 4.0"


def _translated(name: str, language: str, code: str, size: int, sha256: str) -> OutOfDomain:
    file = f"xquad.{code}.json"
    return OutOfDomain(
        name=name,
        title=f"{language} (XQuAD)",
        about=f"questions and passages of the ten test articles, translated into {language}",
        examples=305,
        resource=Resource(
            name=f"xquad-{code}",
            title=f"XQuAD, {language}",
            licence=LICENCE,
            homepage="https://github.com/google-deepmind/xquad",
            files=(file,),
            sources=(
                LocalFile(path="xquad_en_de_es.zip"),
                WebFile(
                    url=f"https://raw.githubusercontent.com/google-deepmind/xquad/master/{file}",
                    name=file,
                    size=size,
                    sha256=sha256,
                ),
            ),
        ),
    )


TASK = TaskFacts(
    name="squad",
    title="Questions on Wikipedia",
    summary="Questions about 48 Wikipedia articles whose answers are pieces of a paragraph: SQuAD 1.1's development set (on the "
    "Hub: rajpurkar/squad), split by article, so that the ten test articles occur in no other part. Training and validation have "
    "only questions whose first answer occurs once in its paragraph.",
    modality="passage",
    problem="spans",
    headline=SPAN_F1,
    answer=Span(words=WORDS),
    splits={"train": 6205, "validation": 816, "test": 2602},
    input={"max_length": WORDS},
    resource=Resource(
        name="squad-dev",
        title="SQuAD 1.1, development set",
        licence=LICENCE,
        homepage="https://rajpurkar.github.io/SQuAD-explorer",
        files=(FILE,),
        sources=(
            LocalFile(path="squad_v1.1_dev.json.gz", sha256="300dbab30ec8be4457782ad705a63485d04dbe3abfddb9d6e38f6fb59f498f1f"),
            WebFile(
                url="https://rajpurkar.github.io/SQuAD-explorer/dataset/dev-v1.1.json",
                name=FILE,
                size=4854279,
                sha256="95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
            ),
        ),
    ),
    out_of_domain=(
        _translated("german", "German", "de", 669810, "990b5d746746ed65ed4702ea5f35f99ffa4e2f1c390c07d003642acd937916f9"),
        _translated("spanish", "Spanish", "es", 684322, "dcbae93ec3a9f4b9e78fd834a171d6f96c1a875e10e15b7530b7e4ef4971e37e"),
    ),
)
