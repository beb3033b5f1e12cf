"""Whatever is read was written by somebody else: it is taken, or refused in words, in little time and memory.

``make fuzz`` tries ten thousand cases a parser (``KDUI_FUZZ_CASES``); a failing one is named by its number, which makes it again.
"""

import os
import random
import resource
import time

import pytest

from kdui.core.errors import KduiError
from kdui.ui.calls import MalformedCall
from tests.fuzz.parsers import PARSERS

CASES = int(os.environ.get("KDUI_FUZZ_CASES", "0"))  # 0: as many as each parser says
SLOW_S = 10.0  # of processor time for one case: a bomb takes minutes
PASSED_OVER = ("events", "masks")  # torn events and broken images are counted and left out
MEMORY_MB = 600  # that all cases of a parser may add to this process at most


@pytest.mark.timeout(7200 if CASES else 300)
@pytest.mark.parametrize("name", PARSERS)
def test_a_changed_file_is_taken_or_refused_in_words(name, tmp_path, monkeypatch):
    parser = PARSERS[name]
    before, refused = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for number in range(CASES or parser.cases):
        case = parser.make(random.Random(f"{name} {number}"))
        folder = tmp_path / "case"
        folder.mkdir(exist_ok=True)
        started = time.process_time()
        try:
            parser.read(case, folder)
        except (KduiError, MalformedCall) as error:
            refused += 1
            assert str(error).strip() and "Traceback" not in str(error), number
        except Exception as error:
            raise AssertionError(f"Case {number} of '{name}' ends in {type(error).__name__}, not in words: {error}") from error
        assert time.process_time() - started < SLOW_S, f"case {number} of '{name}'"
    assert refused > 0 or name in PASSED_OVER  # the cases reach what refuses
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MEMORY_MB, f"{grown:.0f} MB"
