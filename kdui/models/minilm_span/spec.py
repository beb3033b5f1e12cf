"""MiniLM with a head for spans: facts."""

from kdui.core.contracts import Family, Preset
from kdui.models.minilm.spec import MINILM, MinilmOptions


def _smaller(name: str, title: str, options: dict[str, int], words: str) -> Preset:
    return Preset(
        name=f"minilm-{name}-span",
        title=f"MiniLM-{title}, spans",
        options=options,
        from_teacher="minilm_span",
        licence="as its teacher",
        summary=words,
    )


FAMILY = Family(
    name="minilm_span",
    title="MiniLM for spans",
    modality="passage",
    problems=("spans",),
    options=MinilmOptions,
    structured_pruning=True,
    quantization="dynamic",
    shows=("tokens", "attention"),
    depth="layers",
    head_width=32,
    offers=("text-embeddings",),
    presets=(
        Preset(
            name="minilm-l6-span",
            title="MiniLM-L6, spans",
            summary="Six transformer layers of width 384, pretrained on English, with two logits a token: first and last word.",
            options={"layers": 6},
            licence="Apache-2.0",
            resource=MINILM,
            offered=("teacher",),
        ),
        _smaller("l3", "L3", {"layers": 3}, "Three of the teacher's layers, its embeddings and its head to start from."),
        _smaller("l2", "L2", {"layers": 2}, "Two of the teacher's layers, its embeddings and its head to start from."),
        _smaller("l1", "L1", {"layers": 1}, "One of the teacher's layers, its embeddings and its head to start from."),
        _smaller(
            "l3-trim",
            "L3 trimmed",
            {"layers": 3, "vocabulary": 8000},
            "Three of the teacher's layers over the 8,000 word pieces that the task uses most.",
        ),
    ),
)
