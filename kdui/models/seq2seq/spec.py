"""Small encoder-decoder Transformers: facts."""

from pydantic import Field, ValidationInfo, field_validator

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen

SMALLEST_VOCABULARY = 259  # every byte, begin, end and padding


class Seq2SeqOptions(Frozen):
    """Shape of both halves, and the tokens of the tokenizer that they share."""

    layers: int = Field(default=3, ge=1, le=24, description="layers of the encoder, and as many of the decoder")
    decoder_layers: int = Field(
        default=0, ge=0, le=24, title="Decoder layers", description="layers of the decoder; 0: as many as the encoder has"
    )
    width: int = Field(default=256, ge=8, le=2048, description="width of a token's state; must be a multiple of the heads")
    heads: int = Field(default=4, ge=1, le=32, description="attention heads per layer")
    units: int = Field(default=768, ge=1, le=16384, description="inner units of the feed-forward part")
    vocabulary: int = Field(
        default=6000,
        ge=0,
        le=1_000_000,
        description="tokens of the tokenizer that is trained on both languages of the training texts, at least "
        f"{SMALLEST_VOCABULARY}; a student has all of its teacher's and says 0",
    )
    fresh: bool = Field(default=False, title="Random initialization", description="over the teacher's tokenizer")

    @field_validator("heads")
    @classmethod
    def _whole_heads(cls, heads: int, info: ValidationInfo) -> int:
        if info.data.get("width", heads) % heads:
            raise ValueError(f"they do not divide the width {info.data['width']}")
        return heads

    @field_validator("vocabulary")
    @classmethod
    def _room_for_bytes(cls, vocabulary: int) -> int:
        if 0 < vocabulary < SMALLEST_VOCABULARY:
            raise ValueError(f"single bytes alone need {SMALLEST_VOCABULARY}")
        return vocabulary


def _student(name: str, title: str, summary: str, options: dict[str, int]) -> Preset:
    """One that starts at random over its teacher's tokens."""
    return Preset(
        name=name,
        title=title,
        summary=summary,
        options={**options, "vocabulary": 0, "fresh": True},
        from_teacher="tokenizer",
        tasks=(),
        licence="trained here, over its teacher's tokenizer",
        offered=("student",),
    )


FAMILY = Family(
    name="seq2seq",
    title="Encoder-decoder",
    modality="text",
    options=Seq2SeqOptions,
    quantization="dynamic",
    language_model=True,
    problems=("seq2seq",),
    own_tokenizer=True,
    offers=("tokenizer",),
    presets=(
        Preset(
            name="s2s-small",
            title="S2S small",
            summary="Three layers of encoder and decoder each, width 256 with 4 heads, 6.3 million weights; random start, "
            "with a tokenizer of 6,000 byte pairs that is trained on both languages.",
            options={"layers": 3, "width": 256, "heads": 4, "units": 768, "vocabulary": 6000},
            offered=("teacher",),
        ),
        _student(
            "s2s-tiny",
            "S2S tiny",
            "Two layers of encoder and one of decoder, width 96 with 4 heads, 0.4 million weights besides its embeddings; random "
            "initialization.",
            {"layers": 2, "decoder_layers": 1, "width": 96, "heads": 4, "units": 288},
        ),
    ),
)
