"""A delivered file taken apart in a folder of its own: its graph, its claims, and what its metadata says beside them."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.contracts import InputSettings
from kdui.core.errors import StageFailed
from kdui.delivery.claims import Claims
from kdui.delivery.stamp import Stamped, metadata_of, read_stamp
from kdui.kdz.container import MODEL, is_container, tail_of, unpack
from kdui.kdz.on_disk import read_file, write_whole
from kdui.modalities import modality_of
from kdui.runtime.confined import ConfinedSession, Limits

LARGEST_INPUT, MOST_VALUES = 8192, 2_000_000_000  # of one setting, and of all examples together


class Opened:
    """A delivered file, unpacked if need be, with the files of its inputs beside the graph."""

    def __init__(self, path: Path, folder: Path):
        data = read_file(path)
        self.packed_bytes: int | None = None
        self.graph, self.folder, self.beside = path, folder, path.parent
        if is_container(data):
            self.packed_bytes = tail_of(data)[1]
            for name, content in unpack(data).items():
                write_whole(folder / name, content)
            self.graph, self.beside = folder / MODEL, folder
            data = self.graph.read_bytes()
        self.stamped: Stamped = read_stamp(data)
        for name, content in self.stamped.files.items():
            write_whole(folder / name, content)
        self.written = metadata_of(bytes(self.stamped.model))

    @property
    def claims(self) -> Claims:
        return self.stamped.claims

    @property
    def simulated(self) -> bool:
        """Whether the file says that its weights are rounded inside a float graph."""
        try:
            return dict(json.loads(self.written.get("kdui.quantization", "{}"))).get("scheme") == "simulated"
        except (ValueError, TypeError):
            return False

    @property
    def rounded(self) -> bool:
        """Whether its weights were rounded or shared after they had been counted, which may have made zeros of some."""
        return "kdui.quantization" in self.written or self.packed_bytes is not None

    def contradictions(self, labels: tuple[str, ...]) -> list[str]:
        """What the file's own metadata says otherwise than its claims or the claimed task, in words."""
        claims, found = self.claims, []
        task = self.written.get("kdui.task", claims.data.task)
        if task != claims.data.task:
            found.append(f"the graph says that it was made for the task '{task[:80]}', the claims say '{claims.data.task}'")
        written = self._json("kdui.labels", list(labels))
        if not isinstance(written, list) or not all(isinstance(label, str) for label in written):
            found.append("its labels cannot be read")
        elif tuple(written) != labels:
            same = "in another order" if sorted(written) == sorted(labels) else "others"
            found.append(f"its labels are not those of the task: {same}")
        inputs = self._json("kdui.inputs", None)
        if inputs is not None:
            try:
                agree = InputSettings.model_validate(inputs) == claims.inputs
            except ValueError:
                agree = False
            if not agree:
                found.append("graph and claims say differently how inputs are prepared")
        return found

    def prepared(self, raw: Any) -> dict[str, np.ndarray]:
        """Raw examples as the arrays that the graph takes; raises StageFailed where the settings mean none, or huge ones."""
        settings = self.claims.inputs.settings
        sizes = [value for value in settings.values() if isinstance(value, (int, float))]
        if any(not 0 <= value <= LARGEST_INPUT for value in sizes) or math.prod(filter(None, sizes)) * len(raw) > MOST_VALUES:
            raise StageFailed(
                f"The file asks for inputs of {str(settings)[:200]}, which is more than verify tries. Deliver the model again."
            )
        try:
            return modality_of(self.claims.inputs.modality).prepare(raw, settings, self.folder)
        except (KeyError, TypeError, ValueError) as error:
            raise StageFailed(
                f"The file does not say how its inputs are prepared ({type(error).__name__}: {error}). Deliver the model again."
            ) from error

    def session(self, limits: Limits) -> ConfinedSession:
        """The graph in a process with limits: it comes from somebody else."""
        return ConfinedSession(self.graph, limits, what="The file's graph")

    def _json(self, key: str, otherwise: Any) -> Any:
        """What stands under a key; None, which fits nothing, where it is no JSON."""
        if key not in self.written:
            return otherwise
        try:
            return json.loads(self.written[key])
        except (ValueError, RecursionError):
            return "unreadable"
