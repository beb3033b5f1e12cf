"""Artifact: a folder of files named by the digest of what made it; the manifest is written last."""

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from kdui.core.plain import Frozen

MANIFEST = "manifest.json"


class FileRecord(Frozen):
    """Size and checksum of one file of an artifact."""

    bytes: int = Field(ge=0)
    sha256: str


class Manifest(Frozen):
    """What is in an artifact and what made it. Its existence means that the artifact is complete."""

    digest: str
    produces: str = Field(description="model, outputs, onnx or measurements")
    method: str
    operation: str
    settings: dict[str, Any]
    inputs: dict[str, str] = Field(description="input name -> digest")
    files: dict[str, FileRecord]
    summary: dict[str, Any] = Field(default={}, description="small facts that a page needs without opening a file")
    seconds: float = Field(description="what it cost to make, s")
    device: str
    created: datetime


class Artifact(Frozen):
    """A complete artifact on disk."""

    path: Path
    manifest: Manifest

    @property
    def digest(self) -> str:
        return self.manifest.digest

    def file(self, name: str) -> Path:
        """The path of one of its files; raises KeyError for a name that is not in the manifest."""
        self.manifest.files[name]
        return self.path / name
