"""llama.cpp with a GGUF file, as its own server on a free port of this machine: what our files must satisfy."""

import math
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

xllamacpp = pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install -r requirements-dev.txt")


class LlamaServer:
    """One model; it ends with the object."""

    def __init__(self, path: Path, context: int = 512):
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel, params.port = context, 1, 0
        params.warmup, params.verbosity, params.cpuparams.n_threads = False, -1, 1
        self._server = xllamacpp.Server(params)
        self.address = self._server.listening_address

    @property
    def server_port(self) -> int:
        """Where it listens."""
        return urlsplit(self.address).port or 0

    def tokens(self, text: str) -> list[int]:
        """The ids of a text, its beginning among them."""
        return self._post("/tokenize", {"content": text, "add_special": True})["tokens"]

    def greedy(self, ids: list[int], count: int) -> list[int]:
        """The most probable continuation."""
        settings = {"prompt": ids, "n_predict": count, "temperature": 0, "ignore_eos": True, "return_tokens": True}
        return self._post("/completion", settings)["tokens"]

    def bits(self, ids: list[int]) -> float:
        """What the tokens after the first cost together: each is forced, and its log-probability is that before the force."""
        spent = 0.0
        for place in range(1, len(ids)):
            asked = {"prompt": ids[:place], "n_predict": 1, "temperature": 0, "n_probs": 1, "logit_bias": [[ids[place], 1000.0]]}
            (said,) = self._post("/completion", asked)["completion_probabilities"]
            assert said["id"] == ids[place]
            spent -= said["logprob"]
        return spent / math.log(2)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(self.address + path, json=body, timeout=60, trust_env=False)
        answer.raise_for_status()
        return answer.json()
