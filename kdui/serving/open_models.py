"""The sessions that the serving process keeps open, within its memory limit."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from kdui.core.contracts import InputSettings
from kdui.core.errors import StoreError
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.core.runner import USUAL
from kdui.store.artifacts import ArtifactStore

SESSION_OVERHEAD_MB = 12.0  # of ONNX Runtime for each open session


class OpenModel(NamedTuple):
    """A model that can answer now."""

    session: Any
    inputs: InputSettings
    folder: Path


class OpenModels:
    """The least recently used ones make room; one that is in use stays."""

    def __init__(self, artifacts: ArtifactStore, memory_mb: float):
        self.artifacts, self.memory_mb = artifacts, memory_mb
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, tuple[Any, float]] = OrderedDict()
        self._users: dict[str, int] = {}

    @contextmanager
    def use(self, digest: str) -> Iterator[OpenModel]:
        """A model of the store whose checksums hold; raises StoreError in words."""
        with self._lock:
            model = self._open(digest)
            self._users[digest] = self._users.get(digest, 0) + 1
            self._make_room()
        try:
            yield model
        finally:
            with self._lock:
                self._users[digest] -= 1
                self._make_room()

    def _open(self, digest: str) -> OpenModel:
        from kdui.runtime.runners import open_runner

        artifact = self.artifacts.open(digest)
        if artifact.manifest.produces != "onnx":
            raise StoreError(f"Artifact {digest[:12]} is no ONNX model. Choose a model of a finished run.")
        if digest not in self._sessions:
            path = artifact.file(MODEL_FILE)
            # Weights stand once in the file and about once more in the session.
            self._sessions[digest] = (open_runner(USUAL, path, threads=1), SESSION_OVERHEAD_MB + 2 * path.stat().st_size / 1e6)
        self._sessions.move_to_end(digest)
        return OpenModel(self._sessions[digest][0], read_inputs(artifact.path), artifact.path)

    def _make_room(self) -> None:
        """Close what is not in use, the least recently used first, but for the last one, until the rest fits."""
        for digest in [*self._sessions][:-1]:
            if sum(size for _, size in self._sessions.values()) <= self.memory_mb:
                return
            if not self._users.get(digest):
                del self._sessions[digest]
