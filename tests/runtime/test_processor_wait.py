"""Time without a processor is told from time of doing nothing."""

import os
import subprocess
import sys
import time

import pytest

from kdui.runtime.processor_wait import waited_seconds

BUSY = "import time\nwhile True: time.process_time()"
IDLE = "import time\ntime.sleep(60)"


def _until_waited(processes, seconds):
    deadline = time.monotonic() + 60
    while min(waited_seconds(process.pid) for process in processes) < seconds:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="Linux's schedstat is not there")
def test_who_shares_a_core_waits_and_who_sleeps_does_not():
    core = min(os.sched_getaffinity(0))
    processes = [subprocess.Popen([sys.executable, "-c", program]) for program in (BUSY, BUSY, IDLE)]
    try:
        for process in processes:
            os.sched_setaffinity(process.pid, {core})
        _until_waited(processes[:2], 0.1)
        idle = waited_seconds(processes[2].pid)
        _until_waited(processes[:2], 0.6)
        assert waited_seconds(processes[2].pid) - idle < 0.2
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert waited_seconds(2**30) == 0.0
