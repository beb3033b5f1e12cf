"""Facts of the MovieLens latest-small task."""

from kdui.core.answer_facts import Items
from kdui.core.contracts import TaskFacts
from kdui.core.metric import NDCG
from kdui.core.source import LocalFile, Resource

FILE = "ml_latest_small.zip"

TASK = TaskFacts(
    name="movielens-small",
    title="MovieLens latest-small",
    summary="Which films does a person watch next? 100,836 ratings by 610 people, 1996 to 2018; every rating counts as watched. "
    "Split by time: models learn from the first 70 %; the test data are what people watched in the last 20 %. Films that nobody "
    "had rated in the first 70 % are left out. No commercial use.",
    modality="interactions",
    problem="ranking",
    headline=NDCG,
    answer=Items(count=7055),
    splits={"train": 7218, "validation": 83, "test": 114},
    input={"items": 7055, "longest": 50},
    resource=Resource(
        name="movielens-small",
        title="MovieLens latest-small",
        licence="GroupLens, University of Minnesota: redistribution under the same terms, no commercial use",
        homepage="https://grouplens.org/datasets/movielens/latest/",
        files=(FILE,),
        sources=(LocalFile(path=FILE, sha256="e938c09eb97162f97c14b005e56c3c3b986ff6ae51580fce60ad5e7474d77f7f"),),
    ),
)
