"""A disk that is full or cannot be written, in words."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kdui.core.errors import StoreError

# safetensors and the ONNX writer wrap the system's error and keep its text alone.
_FULL_TEXT = ("no space left on device", "disk quota exceeded")


@contextlib.contextmanager
def errors_in_words(folder: Path) -> Iterator[None]:
    """Turn what writing below ``folder`` raises on a full or read-only disk into a StoreError; other errors pass."""
    try:
        yield
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in (errno.ENOSPC, errno.EDQUOT) or any(text in str(error).lower() for text in _FULL_TEXT):
            raise StoreError(
                f"The disk is full: {_free(folder):,.0f} MB free in {folder}. "
                "Free some space or set KDUI_HOME to another disk, then resume."
            ) from error
        if number == errno.EFBIG:
            raise StoreError(
                f"A file below {folder} grew larger than the system allows (ulimit -f, or the file system's own limit). Raise "
                "the limit or set KDUI_HOME to another disk, then resume."
            ) from error
        if number in (errno.EACCES, errno.EROFS):
            raise StoreError(
                f"{folder} cannot be written ({os.strerror(number)}). Set KDUI_HOME to a folder that can, then resume."
            ) from error
        raise


def _free(folder: Path) -> float:
    """MB that are free where the folder lies or would lie."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free / 1e6
