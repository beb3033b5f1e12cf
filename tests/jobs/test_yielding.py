"""The page's threads yield to workers; the dispatcher's, and so the workers that it starts, keep their priority."""

import json
import subprocess
import sys

import pytest

from tests.jobs.processes import ROOT

PROGRAM = """
import json, os, subprocess, sys, threading
from pathlib import Path
from kdui.launch import yielding

nice = lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
go, found = threading.Event(), {}

def dispatch():
    go.wait()
    child = [sys.executable, "-c", "import os; print(os.nice(0))"]
    found["worker"] = int(subprocess.run(child, capture_output=True, text=True, start_new_session=True).stdout)

dispatcher = threading.Thread(target=dispatch)
earlier = threading.Thread(target=lambda: (go.wait(), found.update(earlier=nice())))
dispatcher.start(), earlier.start()
yielding.give_back_memory()
yielding.yield_to_workers(but=[dispatcher.native_id])
group = Path("/proc/self/autogroup")
session = lambda: int(group.read_text().split()[-1]) if group.exists() else None
found["session"] = [session(), yielding.as_a_group(0), session()]
later = threading.Thread(target=lambda: found.update(later=nice()))
later.start()
go.set()
for thread in (dispatcher, earlier, later):
    thread.join()
yielding.trim()
print(json.dumps({**found, "page": nice(), "own": yielding.NICENESS}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")
def test_all_but_the_dispatcher_yield():
    # In a session of its own: what is done to its session must not slow down the tests.
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, start_new_session=True)
    output = json.loads(done.stdout)
    assert output["own"] > 0 and output["worker"] == 0, done.stderr
    assert output["session"] in ([output["own"], None, 0], [None, None, None])  # the session's share comes back, as anybody may
    assert {output["earlier"], output["later"], output["page"]} == {output["own"]}
