"""Files are read once to be named, never by many requests at a time, and not at all where they are too large."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kdui.catalogue import file_digests
from kdui.catalogue.black_box import graph_source, table_source
from kdui.catalogue.file_digests import file_digest
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import RecipeError
from kdui.core.recipe import ModelRef


def test_a_version_of_a_file_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"one" * 1000)
    readings = []
    true = file_digests._Reading
    monkeypatch.setattr(file_digests, "_Reading", lambda *asked: readings.append(asked) or true(*asked))
    with ThreadPoolExecutor(8) as many:
        result = set(many.map(lambda _: file_digest(path), range(40)))
    assert result == {hashlib.sha256(b"one" * 1000).hexdigest()} and len(readings) == 1
    other = tmp_path / "other"
    other.write_bytes(b"two" * 1000)
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.rename(path)  # as long and as old as the one before: another file all the same
    assert file_digest(path) == hashlib.sha256(b"two" * 1000).hexdigest() and len(readings) == 2


def test_a_request_of_the_page_does_not_wait_for_a_large_file(tmp_path, empty_settings, monkeypatch):
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(1 << 40)
    monkeypatch.setattr(file_digests, "PATIENCE", 0.2)
    page = empty_settings.model_copy(update={"own_files_only": True})
    before = time.monotonic()
    with file_digests._turn:  # another file has its turn
        try:
            for _ in range(3):
                with pytest.raises(RecipeError, match=r"large.bin is being read .*: .* of 1,099,512 MB so far"):
                    file_digest(tmp_path / "large.bin", page)
        finally:
            os.truncate(tmp_path / "large.bin", 0)  # whoever comes next must not wait for it
    assert time.monotonic() - before < 10


@pytest.mark.parametrize(("kind", "source"), [("onnx", graph_source), ("csv", table_source)])
def test_a_file_beyond_all_bounds_is_refused_before_it_is_read(tmp_path, kind, source):
    path = tmp_path / f"sparse.{kind}"
    path.write_bytes((",".join(TASKS["digits"].labels) + "\n").encode())
    os.truncate(path, 300 << 30)
    with pytest.raises(RecipeError, match=r"has 322,122,547,200 bytes; .* Use a smaller model"):
        source(ModelRef.parse(f"{kind}:{path}"), TASKS["digits"])
    assert str(path) not in {version[0] for version in file_digests._known}
