"""The chat template of a checkpoint: a text that is kept, and run in a sandbox alone."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tokenizers import Tokenizer

from kdui.core.chat import SPECIAL, ChatFormat
from kdui.core.errors import SourceError

TEMPLATE, TOKENIZER_CONFIG = "chat_template.jinja", "tokenizer_config.json"
NETWORK_CONFIGS = ("generation_config.json", "config.json")  # the first that names ends counts


def chat_format(folder: Path, tokenizer_json: str) -> ChatFormat | None:
    """The template with its special tokens, and what ends an answer; None where the checkpoint has none.

    Raises SourceError where it cannot be read, or is longer than a template is.
    """
    config = _json(folder / TOKENIZER_CONFIG)
    path = folder / TEMPLATE
    template = path.read_text(encoding="utf-8") if path.is_file() else _default(config.get("chat_template"))
    if not template:
        return None
    tokens = {name: content for name in SPECIAL if (content := _content(config.get(name)))}
    words = Tokenizer.from_str(tokenizer_json)
    ends = [tokens["eos_token"]] if "eos_token" in tokens else []
    ends += [token for number in _end_ids(folder) if (token := words.id_to_token(number)) is not None]
    try:
        return ChatFormat(template=template, tokens=tokens, ends=tuple(dict.fromkeys(ends)))
    except ValidationError as error:
        raise SourceError(f"The chat template in {folder} cannot be used ({error.errors()[0]['msg']}).") from error


def _default(template: Any) -> str:
    """Of several named templates the one that is meant where none is asked for."""
    if isinstance(template, list):
        named = {one.get("name"): one.get("template") for one in template if isinstance(one, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else ""


def _content(token: Any) -> str:
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else ""


def _end_ids(folder: Path) -> list[int]:
    for name in NETWORK_CONFIGS:
        named = _json(folder / name).get("eos_token_id")
        if named is not None:
            return [
                number for number in (named if isinstance(named, list) else [named]) if isinstance(number, int) and number >= 0
            ]
    return []


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is no JSON that can be read. Save the checkpoint again.") from error
    return values if isinstance(values, dict) else {}
