"""Text that several models generate at a time, the pieces of all in the order in which they come."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from kdui.catalogue.problems import PROBLEMS
from kdui.core.answers import AnswerPart, Text, read_parts
from kdui.core.contracts import TaskFacts
from kdui.core.sampling import Sampling
from kdui.serving.client import ServingClient

T = TypeVar("T")

AHEAD = 8  # pieces of each answer that nobody has taken yet


class SideBySide(Generic[T]):
    """Reads each stream in a thread of its own. ``close`` stops them all at once, from any thread.

    ``open_stream``: name -> a function that begins the stream; it is given an event that ends it when it is set.
    """

    def __init__(self, open_stream: Mapping[str, Callable[[threading.Event], Generator[T, None, None]]]):
        self._stop = threading.Event()
        self._pieces: queue.SimpleQueue[tuple[str, T | Exception] | None] = queue.SimpleQueue()
        self._room = {name: threading.Semaphore(AHEAD) for name in open_stream}
        self._running = len(open_stream)
        for name, begin in open_stream.items():
            threading.Thread(target=self._read, args=(name, begin), daemon=True, name=f"stream {name[:8]}").start()

    def __iter__(self) -> Iterator[tuple[str, T | Exception]]:
        while (piece := self.next()) is not None:
            yield piece

    def next(self) -> tuple[str, T | Exception] | None:
        """Whose piece it is and the piece, or the error with which that answer ended; None once all have ended."""
        while self._running and not self._stop.is_set():
            piece = self._pieces.get()
            if piece is not None:
                self._room[piece[0]].release()
                return piece
            self._running -= 1
        return None

    def close(self) -> None:
        """Stop what still runs, and let go whoever waits for a piece."""
        self._stop.set()
        self._pieces.put(None)
        for room in self._room.values():
            room.release()

    def _read(self, name: str, begin: Callable[[threading.Event], Generator[T, None, None]]) -> None:
        try:
            with closing(begin(self._stop)) as pieces:
                for piece in pieces:
                    self._room[name].acquire()
                    if self._stop.is_set():
                        return
                    self._pieces.put((name, piece))
        except Exception as error:  # told by whoever shows the answers
            self._pieces.put((name, error))
        finally:
            self._pieces.put(None)


def generates(facts: TaskFacts) -> bool:
    """Whether a task's models generate their answers piece by piece."""
    return PROBLEMS[facts.problem].streams


def generate(
    serving: ServingClient,
    digests: Sequence[str],
    prompt: str,
    sampling: Sampling,
    reference: str | None = None,
    chat: bool = False,
) -> SideBySide[AnswerPart]:
    """What each language model of the store writes after the prompt; close it to stop them.

    ``reference``: the model whose probability of each token is told beside. ``chat``: the prompt is a message, which each model's
    chat template makes a text of.
    """
    request = {"prompt": prompt, "sampling": sampling.model_dump(), "reference": reference or "", "chat": chat}

    def stream(digest: str, stop: threading.Event) -> Generator[AnswerPart, None, None]:
        with closing(serving.stream("tokens", stop=stop, digest=digest, **request)) as pieces:
            for piece in pieces:
                yield from read_parts([piece])

    return SideBySide({digest: partial(stream, digest) for digest in digests})


class Written(NamedTuple):
    """A whole generated text. ``seconds``: what the model took for each token, measured; the first one with the whole prompt."""

    text: str
    seconds: tuple[float, ...]
    ended: str = ""

    @property
    def tokens(self) -> int:
        return len(self.seconds)

    @property
    def first(self) -> float | None:
        """Seconds until the first token; None where there is none."""
        return self.seconds[0] if self.seconds else None

    @property
    def rate(self) -> float | None:
        """Tokens per second after the first; None for less than two."""
        rest = sum(self.seconds[1:])
        return (self.tokens - 1) / rest if rest > 0 else None


def write_whole(
    serving: ServingClient, digests: Sequence[str], prompt: str, sampling: Sampling, chat: bool = False
) -> dict[str, Written]:
    """Whole texts of models that write side by side, in their order; raises what the first that fails raises."""
    pieces: dict[str, list[Text]] = {digest: [] for digest in digests}
    with closing(generate(serving, digests, prompt, sampling, chat=chat)) as answers:
        for digest, piece in answers:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, Text):
                pieces[digest].append(piece)
    return {digest: _joined(parts) for digest, parts in pieces.items()}


def _joined(parts: Sequence[Text]) -> Written:
    seconds = tuple(part.seconds for part in parts if part.seconds is not None)
    return Written("".join(part.text for part in parts), seconds, next((part.ended for part in parts if part.ended), ""))
