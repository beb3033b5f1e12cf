"""Events: appended by one or many, read by cursor, whatever a killed writer left."""

import errno
import os
import threading

import pytest

from kdui.core.errors import StoreError
from kdui.store.events import EventLog


@pytest.fixture
def log(tmp_path):
    return EventLog(tmp_path / "run")


def test_a_cursor_gives_only_what_is_new(log):
    assert log.read() == ([], 0)
    log.append("state", state="running")
    log.append("loss", step="teach", at=0.5, total=1.25)
    first, cursor = log.read()
    assert [event.kind for event in first] == ["state", "loss"]
    assert (first[1].step, first[1].at, first[1].values) == ("teach", 0.5, {"total": 1.25})
    assert log.read(cursor) == ([], cursor)
    log.append("log", text="zwei Wörter\nund eine Zeile")
    second, end = log.read(cursor)
    assert [event.text for event in second] == ["zwei Wörter\nund eine Zeile"]
    assert end == log.path.stat().st_size


def test_a_line_that_is_still_being_written_waits(log):
    log.append("log", text="whole")
    whole = log.path.read_bytes()
    with log.path.open("ab") as stream:
        stream.write(whole[:20])
    events, cursor = log.read()
    assert [event.text for event in events] == ["whole"]
    assert cursor == len(whole)
    with log.path.open("ab") as stream:
        stream.write(whole[20:])
    assert [event.text for event in log.read(cursor)[0]] == ["whole"]


def test_a_line_torn_by_a_kill_is_passed_over(log):
    log.append("log", text="before")
    with log.path.open("ab") as stream:
        stream.write(b'{"time": 1.0, "kind": "lo')
    log.append("log", text="lost with the torn line")
    log.append("log", text="after")
    assert [event.text for event in log.read()[0]] == ["before", "after"]


def test_lines_of_many_writers_never_mix(log):
    def work(name):
        for number in range(50):
            log.append("log", text=f"{name} {number} " + "x" * 500)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events, _ = log.read()
    message = [event.text.split()[:2] for event in events]
    assert sorted(message) == sorted([name, str(number)] for name in "abcd" for number in range(50))
    for name in "abcd":
        assert [int(number) for writer, number in message if writer == name] == list(range(50))


def test_a_full_disk_is_reported(log, monkeypatch):
    log.append("log", text="fits")

    def full(handle, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match=r"The disk is full: [\d,]+ MB free in .*Free some space or set KDUI_HOME"):
        log.append("log", text="does not")
    monkeypatch.undo()
    assert [event.text for event in log.read()[0]] == ["fits"]
