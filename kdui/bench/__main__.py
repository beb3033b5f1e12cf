"""``python -m kdui.bench [NAME ...] [--json] [--tiny]`` prints what this machine makes of each promise."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from kdui import machine
from kdui.bench.busy import busy_page
from kdui.bench.distillation import fashion, reuters
from kdui.bench.findings import Finding
from kdui.bench.form import form_answers
from kdui.bench.int8 import int8_speedup
from kdui.bench.load import load
from kdui.bench.many_runs import many_runs
from kdui.bench.newcomer import newcomers_path
from kdui.bench.pages import page_calls
from kdui.bench.recorded import recorded_results
from kdui.bench.reference import pictures, texts
from kdui.bench.search_race import search_race
from kdui.bench.start import time_to_interactive
from kdui.bench.surgery import four_bits, removed_parts
from kdui.bench.what_if import measured_point
from kdui.core.errors import KduiError, UnknownName
from kdui.settings import Settings

SMALL = "minilm-l6?layers=1"
ONE_EPOCH = {"task": "digits", "teacher": "cnn-tiny", "stages": [{"teach": {"epochs": 1, "train_examples": 64}}, "export"]}


class Bench(NamedTuple):
    """What measures a promise, and the least that it can measure: the tests run each bench so, that none can rot."""

    run: Callable[..., list[Finding]]
    tiny: dict[str, Any]


BENCHES = {
    "start": Bench(time_to_interactive, {"repeats": 1}),
    "pages": Bench(page_calls, {"runs": 30, "rounds": 2}),
    "many-runs": Bench(many_runs, {"runs": 300, "rounds": 2}),
    "form": Bench(form_answers, {"rounds": 2}),
    "newcomer": Bench(newcomers_path, {"own_report": False}),
    "load": Bench(load, {"runs": 30, "browsers": 2, "clients": 3, "seconds": 0.5, "examples": 320}),
    "busy": Bench(busy_page, {"runs": 30, "readers": 2, "seconds": 0.5, "rounds": 1, "examples": 320}),
    "kd-fashion": Bench(fashion, {"examples": 64, "repeats": 1}),
    "kd-reuters": Bench(reuters, {"examples": 32, "repeats": 1, "live_repeats": 1, "teacher": SMALL}),
    "trainer-reuters": Bench(texts, {"examples": 32, "repeats": 1, "teacher": SMALL}),
    "trainer-fashion": Bench(pictures, {"examples": 64, "repeats": 1}),
    "int8": Bench(int8_speedup, {"repeats": 1, "runs": 5, "teacher": SMALL}),
    "four-bits": Bench(four_bits, {"teacher": SMALL}),
    "pruned": Bench(
        removed_parts,
        {
            "repeats": 1,
            "runs": 5,
            "teacher": SMALL,
            "student": "minilm-l3-trim?layers=1",
            "pictures": "resnet-8?width=8&stages=2",
        },
    ),
    "what-if": Bench(measured_point, {"repeats": 2, "examples": 32, "recipe": ONE_EPOCH}),
    "search": Bench(search_race, {"seeds": 2, "share": 0.1}),
    "results": Bench(recorded_results, {}),
}


def machine_line() -> str:
    """What was measured on: processor, cores, the flags that decide low-bit speed, GPUs, versions."""
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions().items())
    flags = ", ".join(machine.notable_flags()) or "no notable flags"
    return " · ".join([machine.cpu_name(), f"{machine.cores()} cores", flags, *machine.gpus(), versions])


def main(arguments: list[str]) -> int:
    """Run the named benches, all by default; a missed aim is printed, not an error."""
    parser = argparse.ArgumentParser(prog="python -m kdui.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHES)}; all when none is given")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--tiny", action="store_true", help="with the least sizes: shows that it works, not how fast it is")
    options = parser.parse_args(arguments)
    settings = Settings.from_environment()
    if not options.json:
        print(machine_line(), flush=True)
    by_bench: dict[str, list[Finding]] = {}
    try:
        for name in options.names or BENCHES:
            if name not in BENCHES:
                raise UnknownName("bench", name, BENCHES)
            bench = BENCHES[name]
            by_bench[name] = bench.run(settings, **(bench.tiny if options.tiny else {}))
            if not options.json:
                print("", *(finding.text() for finding in by_bench[name]), sep="\n", flush=True)
    except KduiError as error:
        print(f"kdui: {error}", file=sys.stderr)
        return 2
    if options.json:
        rows = {name: [finding.row() for finding in findings] for name, findings in by_bench.items()}
        print(json.dumps({"machine": machine_line(), "found": rows}, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
