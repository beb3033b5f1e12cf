"""Images that people have, and those that were made to hurt: what is decoded, and what is refused before it is."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError
from kdui.modalities.image import picture_files
from kdui.modalities.image import prepare as image
from kdui.modalities.image.picture_files import FORMATS, read_picture

ROOT = Path(__file__).resolve().parents[2]
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(x) print\n%%EOF\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, data: bytes = b"", bits: int = 8) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", header, *more, chunk(b"IDAT", data or zlib.compress(b"\0")), chunk(b"IEND", b"")))


def saved(picture: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def sloped(top: int, dtype: type) -> np.ndarray:
    return np.linspace(0, top, 256).reshape(16, 16).astype(dtype)


@pytest.mark.parametrize("format", FORMATS)
def test_usual_formats_are_read(format):
    assert read_picture(saved(Image.new("RGB", (30, 20), "white"), format)).size == (30, 20)


@pytest.mark.parametrize("format", ["BMP", "TIFF", "PPM", "ICO", "PDF", "TGA", "PCX", "EPS"])
def test_other_formats_are_refused(format):
    data = EPS if format == "EPS" else saved(Image.new("RGB", (16, 16)), format)
    with pytest.raises(KduiError, match="PNG, JPEG, WebP or GIF"):
        read_picture(data)


def test_a_postscript_file_starts_no_program(tmp_path):
    gs = tmp_path / "gs"
    gs.write_text(f"#!/bin/sh\ntouch {tmp_path / 'called'}\n", encoding="utf-8")
    gs.chmod(0o755)
    (tmp_path / "picture.png").write_bytes(EPS)
    code = (
        "from kdui.core.errors import KduiError\nfrom kdui.modalities.image.picture_files import read_picture\nimport sys\n"
        "try: read_picture(open(sys.argv[1], 'rb').read())\nexcept KduiError as error: print(error)"
    )
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "picture.png")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "not an image" in done.stdout and not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 100_000_000), (100_000_000, 1), (20_000, 20_000), (13_000, 13_000), (2001, 2000), (2**31 - 1, 2**31 - 1)],
)
def test_a_size_in_the_header_is_refused_before_anything_is_decoded(monkeypatch, width, height):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(KduiError, match="million"):
        read_picture(png(width, height))


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_large_images_of_other_formats_are_refused(format):
    with pytest.raises(KduiError, match="4 million"):
        read_picture(saved(Image.new("L", (3000, 2000)), format))


def test_a_photograph_is_decoded_at_a_smaller_scale():
    picture = read_picture(saved(Image.new("RGB", (6000, 4000), "white"), "JPEG", quality=50))
    assert picture.size == (1500, 1000) and np.asarray(picture).min() > 250


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(50_000_000)))],
        [chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(50_000_000)))],
        [chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(50_000_000)))],
        [chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1_000_000)))] * 100,
    ],
)
def test_compressed_notes_end_in_an_image_or_a_sentence(chunks):
    data = png(2, 2, *chunks, data=zlib.compress(b"\0\1\2\0\3\4"))
    try:
        assert read_picture(data).size == (2, 2)
    except KduiError as error:
        assert "not an image" in str(error)


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", png(8, 8)[:-20], png(8, 8, data=b"rubbish"), b"GIF89a", b"\xff\xd8\xff"]
)
def test_damaged_files_are_reported(data):
    with pytest.raises(KduiError, match="not an image"):
        read_picture(data)


def test_a_file_of_many_bytes_is_not_even_looked_at(monkeypatch):
    monkeypatch.setattr(picture_files, "MOST_BYTES", 1000)
    with pytest.raises(KduiError, match="at most"):
        read_picture(bytes(2000))


def test_16_bits_keep_their_greys():
    picture = read_picture(saved(Image.fromarray(sloped(65535, np.uint16)), "PNG"))
    assert np.abs(np.asarray(picture).astype(int) - sloped(255, float)).max() <= 1


@pytest.mark.parametrize(
    ("top", "dtype"), [(1, np.float32), (255, np.float32), (65535, np.float32), (65535, np.int32), (255, np.int32)]
)
def test_an_image_of_any_number_is_the_same_image(top, dtype):
    if top == 1 or dtype is np.float32 or top > 255:
        levels = np.asarray(picture_files.eight_bits(Image.fromarray(sloped(top, dtype))))
        assert np.abs(levels.astype(int) - sloped(255, float)).max() <= 1
    drawn = np.zeros((40, 40), np.float32)
    drawn[10:30, 18:22] = top
    assert np.array_equal(
        image.parse(Image.fromarray(drawn.astype(dtype)), TASKS["digits"]),
        image.parse(Image.fromarray((drawn / top * 255).astype(np.uint8)), TASKS["digits"]),
    )


def test_values_that_are_no_numbers_are_refused():
    with pytest.raises(KduiError, match="no numbers"):
        picture_files.eight_bits(Image.fromarray(np.full((4, 4), np.nan, np.float32)))
