"""``python -m kdui.bench [NAME ...] [--json]`` prints what this machine makes of each promise."""

import argparse
import json
import sys
from collections.abc import Callable

from kdui.bench.distillation import fashion, reuters
from kdui.bench.findings import Finding
from kdui.bench.int8 import int8_speedup
from kdui.bench.pages import page_calls
from kdui.bench.recorded import recorded_results
from kdui.bench.reference import pictures, texts
from kdui.bench.start import time_to_interactive
from kdui.bench.surgery import four_bits, removed_parts
from kdui.bench.what_if import measured_point
from kdui.core.errors import KduiError, UnknownName
from kdui.launch import machine
from kdui.settings import Settings

BENCHES: dict[str, Callable[[Settings], list[Finding]]] = {
    "start": time_to_interactive,
    "pages": page_calls,
    "kd-fashion": fashion,
    "kd-reuters": reuters,
    "trainer-reuters": texts,
    "trainer-fashion": pictures,
    "int8": int8_speedup,
    "four-bits": four_bits,
    "pruned": removed_parts,
    "what-if": measured_point,
    "results": recorded_results,
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
    given = parser.parse_args(arguments)
    settings = Settings.from_environment()
    if not given.json:
        print(machine_line(), flush=True)
    found: dict[str, list[Finding]] = {}
    try:
        for name in given.names or BENCHES:
            if name not in BENCHES:
                raise UnknownName("bench", name, BENCHES)
            found[name] = BENCHES[name](settings)
            if not given.json:
                print("", *(finding.text() for finding in found[name]), sep="\n", flush=True)
    except KduiError as error:
        print(f"kdui: {error}", file=sys.stderr)
        return 2
    if given.json:
        rows = {name: [finding.row() for finding in findings] for name, findings in found.items()}
        print(json.dumps({"machine": machine_line(), "found": rows}, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
