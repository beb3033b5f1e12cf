"""``python -m kdui.bench.lessons [NAME ...]`` records the data of lessons anew, all by default."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kdui import machine
from kdui.bench.lessons.capacity import capacity
from kdui.bench.lessons.failures import failures
from kdui.bench.lessons.few_bits import few_bits
from kdui.bench.lessons.front import front
from kdui.bench.lessons.gains import gains
from kdui.bench.lessons.grid import grid
from kdui.bench.lessons.low_rank import low_rank
from kdui.bench.lessons.soft_weight import soft_weight
from kdui.bench.lessons.speed import speed
from kdui.bench.lessons.temperature import temperature
from kdui.bench.lessons.tokens import tokens
from kdui.bench.lessons.zeros import zeros
from kdui.catalogue.lessons import DATA
from kdui.core.errors import KduiError, UnknownName
from kdui.settings import Settings

RECORDERS: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "temperature": temperature,
    "soft-weight": soft_weight,
    "gains": gains,
    "capacity": capacity,
    "zeros": zeros,
    "failures": failures,
    "few-bits": few_bits,
    "grid": grid,
    "low-rank": low_rank,
    "front": front,
    "speed": speed,
    "tokens": tokens,
}


def main(arguments: list[str]) -> int:
    """Record what is named; every file says with which command, when, and on what machine it was made."""
    parser = argparse.ArgumentParser(prog="python -m kdui.bench.lessons", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(RECORDERS)}; all when none is given")
    names = parser.parse_args(arguments).names or list(RECORDERS)
    settings = Settings.from_environment()
    try:
        for name in names:
            if name not in RECORDERS:
                raise UnknownName("recording", name, RECORDERS)
            recorded = {
                "command": f"python -m kdui.bench.lessons {name}",
                "recorded": f"{datetime.now(UTC):%Y-%m-%d}",
                "machine": {"cpu": machine.cpu_name(), "cores": machine.cores(), "flags": machine.notable_flags()},
                **RECORDERS[name](settings),
            }
            path = DATA / f"{name}.json"
            path.write_text(json.dumps(recorded, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
            print(f"{path}: {path.stat().st_size / 1e3:.1f} kB", flush=True)
    except KduiError as error:
        print(f"kdui: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
