"""Answers that come piece by piece: what a source of them offers, and text that a next-token model generates."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from kdui.core.answers import AnswerPart, Ending, Text, Token
from kdui.core.errors import KduiError
from kdui.core.layout import TOKENIZER
from kdui.core.sampling import Sampling
from kdui.modalities.text.chat import chat_of, conversation, ids_of
from kdui.problems.seq2seq.decoder_tokens import ends_of
from kdui.runtime.encoded_tokens import EncodedTokenGraph, token_graph
from kdui.runtime.generation import Decoder, generate
from kdui.serving.open_models import OpenModel

MOST_TOKENS = 8192  # of prompt and answer where neither the graph nor its settings say less


class Streams(Protocol):
    """Whatever generates an answer; each piece is small, because a cancellation is noticed between two of them."""

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[AnswerPart]:
        """The pieces of one answer; raises KduiError in words before the first where the prompt cannot be answered."""


class GeneratedText:
    """Text by a model's graph and the tokenizer.json beside it.

    Of its ``inputs.json`` it uses ``context`` (or ``max_length``), how many tokens it takes, and ``end_tokens``, the ids that end
    a text; tokens that end an answer of a chat model end its texts as well. ``reference``: another model, whose probability of
    each token is told beside. ``as_chat``: a prompt is a message to the model, which its chat template makes a text of.
    """

    def __init__(self, model: OpenModel, reference: OpenModel | None = None, as_chat: bool = False):
        self._tokenizer = _read_tokenizer(model.folder)
        if reference is not None:
            _check_alike(model, reference)
        self._model, self._reference = model, reference
        settings = model.inputs.settings
        self._lowercase = bool(settings.get("lowercase"))
        chat = chat_of(model.folder)
        if as_chat and chat is None:
            raise KduiError("This model has no chat template. Switch it off, and type a beginning for the model to continue.")
        self._chat = chat if as_chat else None
        self._ends = frozenset((*settings.get("end_tokens", ()), *(ids_of(chat, self._tokenizer) if chat else ())))
        graph = token_graph(model.session)
        self._answers = isinstance(graph, EncodedTokenGraph)  # an input, in place of going on with it
        limits = (settings.get("context"), settings.get("max_length"), graph.most_tokens, MOST_TOKENS)
        self.context = min(int(limit) for limit in limits if limit)

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[Text]:
        """One piece a token; the last one says why the text ends."""
        ids, source, ends = self._prompt(prompt), None, self._ends
        if self._answers:
            begin, end = ends_of(self._tokenizer)
            ids, source, ends = [begin], ids, ends | {end}
        decoder, reference = Decoder(self._model.session, source), None
        if self._reference is not None:
            same = self._reference.folder == self._model.folder
            reference = decoder if same else Decoder(self._reference.session, source)
        room = min(sampling.limit, self.context - len(ids))
        decode = DecodeStream(ids=ids, skip_special_tokens=True)
        held = UntilStop(sampling.stop)
        ended: Ending = "limit"
        for found in generate(decoder, ids, sampling.model_copy(update={"limit": room}), ends, reference):
            if found.token in ends:
                ended = "end token"
                break
            token = Token(
                text=decode.step(self._tokenizer, found.token) or "",
                probability=found.probability,
                reference=found.reference,
                agrees=found.agrees,
            )
            yield Text(tokens=held.add(token), seconds=found.seconds)
            if held.stopped:
                ended = "stop"
                break
        yield Text(tokens=held.rest(), ended=ended)

    def _prompt(self, prompt: str) -> list[int]:
        prompt = prompt.lower() if self._lowercase else prompt
        ids = self._ids(prompt) if prompt.strip() else []
        if not ids:
            raise KduiError(
                "The sentence is empty. Type one first, or pick an example."
                if self._answers
                else "The prompt is empty. Type something for the model to continue."
            )
        if self._answers and len(ids) > self.context:
            raise KduiError(
                f"This sentence has {len(ids):,} tokens; the model was made for at most {self.context:,}. Translate it in parts."
            )
        if not self._answers and len(ids) >= self.context:
            raise KduiError(
                f"This prompt has {len(ids):,} tokens; the model takes {self.context:,} with its answer. Use a shorter prompt."
            )
        return ids

    def _ids(self, prompt: str) -> list[int]:
        if self._chat is not None:
            text = conversation(self._chat, [{"role": "user", "content": prompt}])
            return self._tokenizer.encode(text, add_special_tokens=False).ids
        return self._tokenizer.encode(prompt).ids


class UntilStop:
    """Passes tokens on until one of the stop texts appears; what may be the beginning of one is held back until that is known."""

    def __init__(self, stops: Sequence[str]):
        self._stops = tuple(stops)
        self._held: list[Token] = []
        self.stopped = False

    def add(self, token: Token) -> tuple[Token, ...]:
        """The tokens that can be passed on now; those after the stop text, and it, never are."""
        self._held.append(token)
        text = "".join(held.text for held in self._held)
        places = [place for place in map(text.find, self._stops) if place >= 0]
        self.stopped = bool(places)
        keep = 0 if self.stopped else max((_overlap(text, stop) for stop in self._stops), default=0)
        ready, rest = _cut(self._held, min(places) if places else len(text) - keep)
        self._held = [] if self.stopped else rest
        return tuple(ready)

    def rest(self) -> tuple[Token, ...]:
        """What is held when the text ends otherwise."""
        held, self._held = self._held, []
        return tuple(held)


def _overlap(text: str, stop: str) -> int:
    """How many letters at the end of the text may begin the stop text."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def _cut(tokens: Sequence[Token], length: int) -> tuple[list[Token], list[Token]]:
    """The tokens of the first ``length`` letters and the others; one that lies on both sides becomes two."""
    before: list[Token] = []
    after: list[Token] = []
    for token in tokens:
        size = len(token.text)
        if after or size > length:
            before += [token.model_copy(update={"text": token.text[:length]})] if length and not after else []
            after.append(token.model_copy(update={"text": token.text[length:]}) if not after else token)
            length = 0
        else:
            before.append(token)
            length -= size
    return before, after


def _check_alike(model: OpenModel, reference: OpenModel) -> None:
    texts = [folder / TOKENIZER for folder in (model.folder, reference.folder)]
    if not texts[1].is_file() or texts[0].read_bytes() != texts[1].read_bytes():
        raise KduiError("These models have different tokenizers, so their tokens cannot be compared. Choose two of one family.")


def _read_tokenizer(folder: Path) -> Tokenizer:
    if not (folder / TOKENIZER).is_file():
        raise KduiError("This model generates no text: it has no tokenizer beside it. Choose a language model.")
    return _tokenizer_of(str(folder / TOKENIZER))


@lru_cache(maxsize=8)
def _tokenizer_of(path: str) -> Tokenizer:
    """Read once: a file of the store never changes."""
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
