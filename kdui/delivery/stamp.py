"""The stamp: claims and input files put behind an ONNX file as metadata, and read back, without any library for ONNX.

Protobuf messages join by being put behind each other, so the stamped file is the model's own bytes and then the stamp.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from kdui.core.artifact import FileRecord
from kdui.core.errors import ClaimsMissing, ContainerCorrupt
from kdui.delivery.claims import Claims
from kdui.kdz.byte_reader import varint
from kdui.kdz.graph_bytes import LENGTH, fields

METADATA = 14  # ModelProto.metadata_props, of StringStringEntryProto {1: key, 2: value}
CLAIMS_KEY = "kdui.claims"
FILE_KEY = "kdui.file."
MOST_FILE_BYTES = 64 << 20  # of an input file once it is unpacked


@dataclass(frozen=True)
class Stamped:
    """A model file taken apart: the model's own bytes, its claims, and the files that its inputs need."""

    model: memoryview
    claims: Claims
    files: dict[str, bytes]


def stamp(claims: Claims, files: Mapping[str, bytes]) -> bytes:
    """What is put behind the model: its claims as JSON, then each file, deflated, in base64."""
    entries = {CLAIMS_KEY: claims.model_dump_json(exclude_defaults=True).encode()}
    entries |= {FILE_KEY + name: base64.b64encode(zlib.compress(data, 9)) for name, data in files.items()}
    return b"".join(_field(METADATA, _field(1, key.encode()) + _field(2, value)) for key, value in entries.items())


def record_of(data: bytes | memoryview) -> FileRecord:
    """Size and checksum of bytes."""
    return FileRecord(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def read_stamp(data: bytes) -> Stamped:
    """Take a stamped model apart; raises ClaimsMissing in words where there is no stamp or it cannot be read."""
    found: dict[str, bytes] = {}
    start = len(data)
    try:
        for key, value, at in _entries(data):
            ours = key == CLAIMS_KEY or key.startswith(FILE_KEY)
            if (ours and key in found) or (not ours and found):
                # What stands behind the claims would join the model, and a second entry would be what another program reads.
                raise ClaimsMissing(
                    "Something was put behind the claims of this file, so nobody can tell what they are about. "
                    "Deliver the model again."
                )
            if ours:
                start = min(start, at)
                found[key] = value
    except ContainerCorrupt as error:
        raise ClaimsMissing(f"This is no ONNX file that can be read ({error}). Fetch it again.") from None
    if CLAIMS_KEY not in found:
        raise ClaimsMissing(
            "This file carries no claims that could be verified: it was not delivered by kdui, or another program has rewritten "
            "it. 'python app.py deliver RUN --out FILE' writes one that does."
        )
    try:
        claims = Claims.model_validate_json(found[CLAIMS_KEY])
    except ValidationError as error:
        raise ClaimsMissing(
            f"The claims of this file cannot be read ({error.error_count()} fields are wrong): they were changed, or "
            "written by a newer kdui. Update kdui, or deliver the model again."
        ) from None
    packed = {key.removeprefix(FILE_KEY): value for key, value in found.items() if key != CLAIMS_KEY}
    return Stamped(memoryview(data)[:start], claims, {name: _unpacked(name, packed, claims) for name in claims.files})


def metadata_of(data: bytes) -> dict[str, str]:
    """The metadata of an ONNX file, key to value; of a key that stands there twice the first."""
    found: dict[str, str] = {}
    for key, value, _ in _entries(data):
        if key:
            found.setdefault(key, value.decode("utf-8", errors="replace"))
    return found


def _entries(data: bytes) -> list[tuple[str, bytes, int]]:
    """Key, value and start of each metadata entry of an ONNX file; every other field has an empty key."""
    found = []
    at = 0
    for field in fields(data):
        if field.number == METADATA and field.wire == LENGTH:
            parts = {part.number: part for part in fields(data, field.start, field.start + field.length)}
            texts = [data[part.start : part.start + part.length] if (part := parts.get(number)) else b"" for number in (1, 2)]
            found.append((texts[0].decode("utf-8", errors="replace"), texts[1], at))
        else:
            found.append(("", b"", at))
        at = field.start + field.length
    return found


def _unpacked(name: str, packed: dict[str, bytes], claims: Claims) -> bytes:
    """A file of the stamp, of exactly the size and checksum that the claims give it."""
    expected = claims.files[name]
    if name not in packed or "/" in name or "\\" in name or name in (".", "..") or expected.bytes > MOST_FILE_BYTES:
        raise ClaimsMissing(f"'{name[:80]}', which the model's inputs need, is not in this file. Deliver the model again.")
    machine = zlib.decompressobj()
    try:
        data = machine.decompress(base64.b64decode(packed[name], validate=True), expected.bytes + 1)
    except (binascii.Error, zlib.error):
        data = b""
    if record_of(data) != expected:
        raise ClaimsMissing(f"'{name[:80]}' in this file does not match its checksum: it was changed. Deliver the model again.")
    return data


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | LENGTH) + varint(len(data)) + data
