"""The files of a Hugging Face checkpoint: which of them decide what it reads or computes, and what its weights' headers say."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from kdui.catalogue.file_digests import file_digest
from kdui.core.errors import RecipeError, SourceError
from kdui.settings import Settings

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "vocab.bpe", "*.model", "*.spm", "*.tiktoken")
# All that decides what a checkpoint reads or computes, and so stands in its name; weights as safetensors only.
DECIDING = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    *VOCABULARIES,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "preprocessor_config.json",
    "adapter_config.json",
)
ADAPTERS = ("adapter_config.json", "adapter_model.*", "pytorch_adapter.bin")
_LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors library


class Tensor(NamedTuple):
    """What a header says of one tensor."""

    kind: str
    shape: tuple[int, ...]

    @property
    def values(self) -> int:
        return math.prod(self.shape)


def deciding_files(folder: Path) -> list[Path]:
    """The folder's files that decide what the checkpoint reads or computes, by name."""
    return sorted(path for path in folder.iterdir() if path.is_file() and _decides(path.name))


def files_digest(hashes: Mapping[str, str]) -> str:
    """sha256 over the names and hashes of those files that decide what the checkpoint reads or computes."""
    whole = hashlib.sha256()
    for name, value in sorted(hashes.items()):
        if _decides(name):
            whole.update(f"{name} {value}\n".encode())
    return whole.hexdigest()


def folder_digest(folder: Path, settings: Settings | None = None) -> str:
    """sha256 over the names and contents of the deciding files; a moved folder keeps its name in the store."""
    return files_digest({path.name: file_digest(path, settings) for path in deciding_files(folder)})


def _decides(name: str) -> bool:
    return any(fnmatch(name, one) for one in DECIDING)


def require_merged(names: Iterable[str], title: str) -> None:
    """Raises RecipeError where adapters are among the files: the weights beside them, if any, are not those that were trained."""
    if parts := [name for name in sorted(names) if any(fnmatch(name, one) for one in ADAPTERS)]:
        raise RecipeError(
            f"{title} holds adapters ({', '.join(parts)}), which are read only when they have been merged into their base model. "
            "Merge them: 'PeftModel.from_pretrained(base, FOLDER).merge_and_unload()' of peft. Save the result and its tokenizer "
            "or preprocessor with save_pretrained into another folder, and name that one."
        )


def weight_bytes(folder: Path) -> int:
    """Bytes of all safetensors files; nothing of them is read."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """Every tensor in the files that hold the network's weights, by name, as their headers tell.

    Raises SourceError in words where a file is missing, cut off, or holds no tensor.
    """
    tensors = {name: tensor for path in _weight_files(folder) for name, tensor in _header(path)}
    if not tensors:
        raise SourceError(f"The weights in {folder} hold no tensor at all. Save the checkpoint again with save_pretrained.")
    return tensors


def _weight_files(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    try:
        names = sorted({str(name) for name in json.loads((folder / INDEX).read_bytes())["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{folder} has neither {WEIGHTS} nor a readable {INDEX}, so its weight files are ambiguous. "
            "Save the checkpoint again with save_pretrained."
        ) from error
    if lost := [name for name in names if Path(name).name != name or not (folder / name).is_file()]:
        raise SourceError(f"{folder}: {len(lost)} of the {len(names)} files that {INDEX} names are not there. Fetch them, too.")
    return [folder / name for name in names]


def _header(path: Path) -> Iterator[tuple[str, Tensor]]:
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(size - 8, _LONGEST_HEADER):
                raise ValueError("no header")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        tensors = {name: Tensor(one["dtype"], tuple(map(int, one["shape"]))) for name, one in header.items()}
        end = max((int(one["data_offsets"][1]) for one in header.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise SourceError(f"{path} is no safetensors file that can be read. Fetch or save the checkpoint again.") from error
    if size - 8 - length < end:
        raise SourceError(
            f"{path} was cut off: its header announces {8 + length + end:,} bytes, but it has {size:,}. Fetch it again."
        )
    yield from tensors.items()
