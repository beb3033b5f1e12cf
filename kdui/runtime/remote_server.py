"""A model behind a server that speaks the OpenAI-compatible protocol (Ollama, vLLM, llama.cpp's server, providers).

Requests wait where the server asks for patience and are repeated where it fails. Address and key stay in here: neither stands in
a message.
"""

import json
import threading
import time
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx

from kdui.catalogue.remote import server_address
from kdui.core.api_servers import is_this_machine, named_values
from kdui.core.errors import Cancelled, StageFailed
from kdui.settings import Settings

TRIES = 7  # of one request: with the pauses in between a minute, and longer where the server names a time
FIRST_PAUSE, MOST_PAUSE = 1.0, 600.0  # seconds
MOST_BYTES = 1 << 20  # of one answer
SHOWN = 200  # characters of what a server says
LATER = (408, 425, 429, 500, 502, 503, 504)


class Question(NamedTuple):
    """What a model is asked: ``system`` instructs it, ``text`` is the example; at most ``tokens`` come back.

    ``top``: of how many tokens the log-probability in the first place is wanted. At a ``temperature`` of 0 the most probable
    token is taken, else one is drawn by the ``seed`` from those that together have the probability ``top_p``.
    """

    system: str
    text: str
    tokens: int
    top: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


class Reply(NamedTuple):
    """What came back: the text, log-probabilities (nats) of the first token's choices, tokens read and written."""

    text: str
    first: dict[str, float]
    read: int = 0
    written: int = 0


class _Again(Exception):
    """A request may be repeated: why it failed, and after how many seconds where the server names them."""

    def __init__(self, why: str, after: float | None = None):
        super().__init__(why)
        self.after = after


class RemoteServer:
    """One model of a server. Threads share it: a pause that the server asks for holds all of them."""

    def __init__(self, name: str, model: str, settings: Settings, first_pause: float = FIRST_PAUSE):
        address = server_address(name, settings)
        self._key = named_values(settings.api_keys.get_secret_value()).get(name, "") if settings.api_keys else ""
        self._url, self._model, self._first_pause = f"{address}/chat/completions", model, first_pause
        self._name, self.title = name, f"{model} at {name}"
        self._deadline = settings.api_timeout_s
        self._between = 60 / settings.api_per_minute if settings.api_per_minute else 0.0
        self._next = self._resume = 0.0
        self._lock, self._stopped = threading.Lock(), threading.Event()
        # A proxy is for the network outside, never for this machine. Redirects are not followed: the key goes to one address.
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=settings.api_timeout_s,
            trust_env=not is_this_machine(address),
            limits=httpx.Limits(max_connections=settings.api_parallel),
        )

    def stop(self) -> None:
        """End all waiting, and every request that has not begun; those under way end with their time limit at the latest."""
        self._stopped.set()

    def close(self) -> None:
        """Give up the connections."""
        self.stop()
        self._client.close()

    def reply(self, question: Question) -> Reply:
        """The model's answer; raises StageFailed in words where the server gives none, and Cancelled after ``stop``."""
        why = ""
        for attempt in range(TRIES):
            self._wait_turn()
            try:
                return self._once(question)
            except _Again as again:
                why = str(again)
                self._pause(again.after if again.after is not None else self._first_pause * 2**attempt)
        raise StageFailed(f"{self.title} {why}, {TRIES} times in a row. Look after the server, then queue the run again.")

    def _wait_turn(self) -> None:
        """Until no pause holds and the rate allows it."""
        with self._lock:
            begin = max(self._next, time.monotonic())
            self._next = begin + self._between
        while (left := max(begin, self._resume) - time.monotonic()) > 0 or self._stopped.is_set():
            if self._stopped.wait(max(left, 0)):
                raise Cancelled("The questions to the remote teacher were stopped.")

    def _pause(self, seconds: float) -> None:
        if seconds > MOST_PAUSE:
            raise StageFailed(
                f"{self.title} asks to wait {seconds / 60:.0f} minutes. Queue the run again after that: it goes on from here."
            )
        with self._lock:
            self._resume = max(self._resume, time.monotonic() + seconds)

    def _once(self, question: Question) -> Reply:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "system", "content": question.system}, {"role": "user", "content": question.text}],
            "max_tokens": question.tokens,
            "temperature": question.temperature,
            "seed": question.seed,
        }
        if question.temperature:
            body["top_p"] = question.top_p
        if question.top:
            body |= {"logprobs": True, "top_logprobs": question.top}
        try:
            with self._client.stream("POST", self._url, json=body) as response:
                self._require_success(response)
                return _reply_in(self._read(response))
        except httpx.TimeoutException:
            raise _Again(f"gave no answer within {self._deadline:g} s") from None
        except httpx.ConnectError:
            raise _Again("cannot be reached: no server answers at the address in KDUI_API_SERVERS") from None
        except httpx.TransportError:
            raise _Again("broke the connection off before its answer was complete") from None

    def _require_success(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status in LATER:
            raise _Again(f"answered with status {status}", _retry_after(response.headers.get("retry-after", "")))
        if status in (401, 403):
            raise StageFailed(
                f"{self.title} refused the key (status {status}). Set KDUI_API_KEYS={self._name}=KEY, then start again."
            )
        said = self._read(response).decode("utf-8", "replace")
        for secret in filter(None, (self._key, self._url)):
            said = said.replace(secret, "…")
        said = " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())
        raise StageFailed(
            f"{self.title} refused the request with status {status}: “{said[:SHOWN]}”. Correct the model's name in the recipe or "
            "the address in KDUI_API_SERVERS, which mostly ends with /v1."
        )

    def _read(self, response: httpx.Response) -> bytes:
        """The body, within the time and size that an answer may have."""
        began, data = time.monotonic(), bytearray()
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > MOST_BYTES:
                raise StageFailed(f"{self.title} sent more than {MOST_BYTES:,} bytes as one answer. Look after the server.")
            if time.monotonic() - began > self._deadline or self._stopped.is_set():
                raise _Again(f"did not finish its answer within {self._deadline:g} s")
        return bytes(data)


def _reply_in(data: bytes) -> Reply:
    """The reply in a body; raises _Again for what is not of the protocol."""
    try:
        answer = json.loads(data)
        choice = answer["choices"][0]
        text = choice["message"].get("content") or ""
        places = (choice.get("logprobs") or {}).get("content") or [{}]
        first = {str(each["token"]): float(each["logprob"]) for each in places[0].get("top_logprobs") or []}
        usage = answer.get("usage") or {}
        read, written = (int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))
        if not isinstance(text, str):
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _Again("sent something that is no answer of the OpenAI-compatible protocol") from None
    return Reply(text, first, read, written)


def _retry_after(value: str) -> float | None:
    """Seconds that a server asks to wait, given as such or as a date; None where it says nothing of use."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
