"""Artifacts at an fsspec address (``s3://bucket/kdui``, ``file:///mnt/kdui`` …) that the machines of a cluster share.

They lie there as in a folder of artifacts: ``ab/abcdef…/``, the manifest written last, so its existence means that the rest is
complete. One process at a time writes an artifact, under the lock that its folder's store holds.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec

from kdui.core.artifact import MANIFEST, Manifest
from kdui.core.errors import StoreError
from kdui.core.plain import is_digest


class SharedArtifacts:
    """The artifacts at an address; whatever goes wrong with it is raised as StoreError, without what the address may hold."""

    def __init__(self, address: str):
        self._kind = urlsplit(address).scheme
        self._known: set[str] = set()
        with self._in_words("opened"):
            # What another machine wrote meanwhile must be seen, so nothing is taken from an earlier listing.
            self._files: Any
            self._files, self._root = fsspec.url_to_fs(address, use_listings_cache=False)

    def has(self, digest: str) -> bool:
        """Whether a complete artifact is there."""
        if digest not in self._known:
            with self._in_words("read"):
                if not self._files.exists(self._place(digest, MANIFEST)):
                    return False
            self._known.add(digest)
        return True

    def manifest(self, digest: str) -> bytes | None:
        """A manifest as it was written; None where there is none."""
        with self._in_words("read"):
            try:
                return bytes(self._files.cat_file(self._place(digest, MANIFEST)))
            except FileNotFoundError:
                self._known.discard(digest)
                return None

    def fetch(self, manifest: Manifest, folder: Path) -> None:
        """Copy the files that a manifest lists into a folder; whoever opens them checks them."""
        with self._in_words("read"):
            for name in manifest.files:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                self._files.get_file(self._place(manifest.digest, name), str(target))

    def keep(self, digest: str, folder: Path) -> None:
        """Copy an artifact's folder there, the manifest last and at once."""
        with self._in_words("written"):
            files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / MANIFEST]
            for path in [*files, folder / MANIFEST]:
                place = self._place(digest, str(path.relative_to(folder)))
                self._files.makedirs(os.path.dirname(place), exist_ok=True)
                with self._files.transaction, path.open("rb") as source, self._files.open(place, "wb") as target:
                    shutil.copyfileobj(source, target)
        self._known.add(digest)

    def remove(self, digest: str) -> None:
        """Delete an artifact, its manifest first."""
        self._known.discard(digest)
        with self._in_words("written"), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._place(digest, MANIFEST))
            self._files.rm(self._place(digest), recursive=True)

    def digests(self) -> list[str]:
        """All complete artifacts there."""
        with self._in_words("read"):
            found = self._files.glob(f"{self._root}/??/*/{MANIFEST}")
        return [name for path in found if is_digest(name := path.split("/")[-2])]

    def _place(self, digest: str, *names: str) -> str:
        return "/".join([self._root, digest[:2], digest, *names])

    @contextlib.contextmanager
    def _in_words(self, done: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each storage's client raises what it likes: botocore's errors share no base with OSError
            why = getattr(error, "strerror", None) or type(error).__name__
            raise StoreError(
                f"The artifacts at KDUI_ARTIFACTS_URL ({self._kind}://…) cannot be {done}: {why}. "
                "Check the address and the rights; s3:// needs pip install 's3fs==2026.9.0'."
            ) from error
