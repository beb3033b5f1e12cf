"""Valid bytes, texts and JSON values, changed a little: by seed, so that every case can be made again."""

import io
import random
import zipfile
from typing import Any

# Numbers that lengths, counts and offsets become: little-endian, as the formats have them.
EXTREMES = [value.to_bytes(size, "little") for size in (1, 2, 4, 8) for value in (0, 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)]
TOKENS = [
    *("null", "true", "-1", "0", "1e999", "-1e999", "NaN", ".inf", "9" * 400, "1" * 5000, "0x1F", "1_0", "2026-13-45", "~", "''"),
    *("[]", "{}", "[[", "]]", "{{", "&a [*a]", "*a", "!!python/object:os.system x", "!!binary x", "<<: *a", "? :", "---", "..."),
    *(
        "\x00",
        "\ud7ff",
        "\ufeff",
        "\u202e",
        "\u2028",
        "\x1b[2J",
        "😀",
        "é",
        "\t",
        "\r",
        "\n",
        '"',
        "'",
        ",",
        ";",
        "|",
        "#",
        "%",
        "\\",
    ),
    *(
        "../../../etc/passwd",
        "/proc/self/environ",
        "=cmd|'/C calc'!A0",
        "<script>alert(1)</script>",
        "hub:a/b",
        "onnx:/x",
        "a" * 3000,
    ),
]
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2**31,
        2**63,
        -(2**64),
        10**400,
        1e308,
        -0.0,
        "",
        "x" * 5000,
        "\x00",
        "\x1b[31m",
        "../x",
        "=1+1",
    ),
    *([], {}, [[]], [None], {"": {}}, {"a": [1, {"b": None}]}, [0] * 500, "1", "true", "NaN", "<b>", "hub:a/b", "folder:/etc"),
]


def bytes_of(valid: list[bytes], draw: random.Random) -> bytes:
    """One of them with one to four changes; now and then bytes that were never a file."""
    if draw.random() < 0.02:
        return draw.randbytes(draw.choice((0, 1, 8, 64, 300)))
    data = bytearray(draw.choice(valid))
    for _ in range(draw.choice((1, 1, 1, 2, 3, 4))):
        _change(data, valid, draw)
    return bytes(data)


def _change(data: bytearray, valid: list[bytes], draw: random.Random) -> None:
    at = draw.randrange(len(data)) if data else 0
    if draw.random() < 0.5 and len(data) > 64:  # headers stand at the beginning, directories at the end
        at = draw.choice((draw.randrange(64), len(data) - 1 - draw.randrange(64)))
    end = min(len(data), at + draw.choice((1, 2, 4, 8, 40)))
    how = draw.randrange(8)
    if how == 0 and data:
        data[at] ^= 1 << draw.randrange(8)
    elif how == 1:
        value = draw.choice(EXTREMES)
        data[at : at + len(value)] = value
    elif how == 2:
        del data[at:end]
    elif how == 3:
        data[at:at] = data[at:end] * draw.choice((1, 2, 50))
    elif how == 4:
        del data[at:]
    elif how == 5:
        data[at:end] = draw.randbytes(end - at)
    elif how == 6:
        other = draw.choice(valid)
        start = draw.randrange(len(other))
        data[at:end] = other[start : start + draw.choice((1, 8, 100))]
    else:
        data[at:end] = draw.choice(TOKENS).encode("utf-8", "surrogatepass")


def text_of(valid: list[str], draw: random.Random) -> str:
    """One of them with a few words, lines or letters changed."""
    text = draw.choice(valid)
    for _ in range(draw.choice((1, 1, 2, 3))):
        at, how = draw.randrange(len(text) + 1), draw.randrange(6)
        end = min(len(text), at + draw.choice((1, 3, 12, 80)))
        if how == 0:
            text = text[:at] + draw.choice(TOKENS) + text[end:]
        elif how == 1:
            text = text[:at] + text[end:]
        elif how == 2:
            text = text[:at] + text[at:end] * draw.choice((2, 3, 100)) + text[end:]
        elif how == 3:
            lines = text.splitlines(keepends=True)
            draw.shuffle(lines)
            text = "".join(lines)
        elif how == 4:
            words = text.split(" ")
            words[draw.randrange(len(words))] = draw.choice(TOKENS)
            text = " ".join(words)
        else:
            text = (
                text[:at] + "".join(chr(draw.choice((draw.randrange(256), draw.randrange(0xD7FF)))) for _ in range(3)) + text[at:]
            )
    return text


def value_of(valid: Any, draw: random.Random) -> Any:
    """A JSON value with one to three of its parts replaced, doubled or taken away."""
    value = _copy(valid)
    for _ in range(draw.choice((1, 1, 2, 3))):
        value = _within(value, draw)
    return value


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _within(value: Any, draw: random.Random) -> Any:
    if isinstance(value, (dict, list)) and value and draw.random() < 0.9:
        key = draw.choice(list(value)) if isinstance(value, dict) else draw.randrange(len(value))
        how = draw.random()
        if how < 0.1:
            del value[key]
        elif how < 0.15 and isinstance(value, dict):
            value[draw.choice(("", "x", "name", "__proto__", key + " "))] = value.pop(key)
        elif how < 0.6:
            value[key] = _within(value[key], draw)
        else:
            value[key] = _copy(draw.choice(VALUES))
        return value
    return _copy(draw.choice(VALUES))


def zipped(files: dict[str, bytes], how: int) -> bytes:
    """A zip of files by name, compressed in that way of ``zipfile``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()
