"""Frozen plain data and the canonical digest that names everything in the store."""

import hashlib
import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: it validates when made, never changes, and refuses fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def canonical_json(value: Any) -> str:
    """The one JSON spelling of a value: sorted keys, no spaces, integral floats as integers.

    1 and 1.0 mean the same temperature, so they must name the same artifact.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 of the canonical JSON of a value, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


def is_digest(text: object) -> bool:
    """Whether this can be a digest: 64 hexadecimal digits and nothing else, so that it is safe in a path."""
    return isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text) is not None


def digests_in(text: str) -> set[str]:
    """Every digest that a text names."""
    return set(re.findall(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", text))


def _plain(value: Any) -> Any:
    if value is None or type(value) in (str, int, bool):  # most of what there is; the page digests some hundred steps at a turn
        return value
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
