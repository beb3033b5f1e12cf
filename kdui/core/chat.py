"""How a chat model wants a conversation written down as one text, and what ends its answer."""

from collections.abc import Mapping

from pydantic import Field

from kdui.core.plain import Frozen

LONGEST_TEMPLATE = 1 << 16
SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")  # names by which a template may call special tokens


class ChatFormat(Frozen):
    """A checkpoint's own chat template (Jinja), and the tokens that belong to it, as texts: ids change with a vocabulary."""

    template: str = Field(min_length=1, max_length=LONGEST_TEMPLATE)
    tokens: Mapping[str, str] = Field(default={}, description="special tokens by the names that the template uses")
    ends: tuple[str, ...] = Field(default=(), description="tokens that end an answer")
