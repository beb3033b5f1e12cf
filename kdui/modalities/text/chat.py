"""Chat templates: a conversation as the one text that a model continues with its answer.

A template comes with a checkpoint and is a program, so it runs in Jinja's sandbox: it reads what it is given and changes nothing.
Names and filters are those that transformers offers to templates (``utils/chat_template_utils.py``).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from kdui.core.chat import ChatFormat
from kdui.core.errors import KduiError
from kdui.core.layout import CHAT

Message = Mapping[str, str]  # role (system, user, assistant) and content
LONGEST = 1_000_000  # characters of a rendered conversation


def chat_of(folder: Path) -> ChatFormat | None:
    """The chat format beside a model; None where it has none."""
    path = folder / CHAT
    return ChatFormat.model_validate_json(path.read_bytes()) if path.is_file() else None


def conversation(chat: ChatFormat, messages: Sequence[Message], answering: bool = True) -> str:
    """The messages as the model wants them, up to where its answer begins; without ``answering`` up to the end of the last one.

    Special tokens stand in the text, so it is tokenized without further ones. Raises KduiError where the template fails.
    """
    try:
        pieces, size = [], 0
        for piece in _compiled(chat.template).generate(messages=list(messages), add_generation_prompt=answering, **chat.tokens):
            pieces.append(piece)
            size += len(piece)
            if size > LONGEST:
                raise TemplateError(f"it writes more than {LONGEST:,} characters")
        return "".join(pieces)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise KduiError(f"The model's chat template failed: {error}. Switch the chat template off.") from error


def ids_of(chat: ChatFormat, tokenizer: Tokenizer) -> list[int]:
    """The tokens that end an answer, as far as the tokenizer has them."""
    return [number for token in chat.ends if (number := tokenizer.token_to_id(token)) is not None]


class Room(ImmutableSandboxedEnvironment):
    """The sandbox, in which no product grows beyond what may be written."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The product; raises TemplateError for a power, and for a text or list that is repeated too often."""
        if operator == "**":
            raise TemplateError("it computes powers")
        repeated = next((len(part) for part in (left, right) if isinstance(part, (str, list, tuple))), 0)
        times = next((part for part in (left, right) if isinstance(part, int)), 0)
        if repeated * times > LONGEST:
            raise TemplateError(f"it writes more than {LONGEST:,} characters")
        return super().call_binop(context, operator, left, right)


class Answers(Extension):
    """``{% generation %}``, by which templates mark answers for training; here what it encloses is written as it is."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> Node | list[Node]:
        """The enclosed statements."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@lru_cache(maxsize=8)
def _compiled(template: str) -> Template:
    room = Room(trim_blocks=True, lstrip_blocks=True, extensions=[Answers, loopcontrols])
    room.filters["tojson"] = _json
    room.globals["raise_exception"] = _refuse
    room.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return room.from_string(template)


def _json(value: Any, ensure_ascii: bool = False, indent: int | None = None, sort_keys: bool = False) -> str:
    """Jinja's own filter escapes HTML, which a prompt does not want."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, sort_keys=sort_keys)


def _refuse(words: str) -> None:
    raise TemplateError(words)
