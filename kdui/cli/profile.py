"""The command ``profile``: how fast this machine is, as a small file that searches elsewhere can judge latency by."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from kdui import machine
from kdui.cli import terminal
from kdui.cli.output_file import require_writable, write
from kdui.cli.plain_terminal import clean, console
from kdui.core.device_profile import Check, DeviceProfile, read_profile
from kdui.core.errors import RecipeError
from kdui.core.latency_prediction import check, leave_one_out
from kdui.workbench.search.devices import Devices
from kdui.workbench.workbench import Workbench


def register(app: typer.Typer) -> None:
    """Add it to the program's commands."""
    app.command("profile")(profile)


def profile(
    out: Annotated[Path | None, typer.Option(help="Also write it to this file, to be carried to another machine.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, max=256, help="ONNX Runtime threads, as 'measure.threads'.")] = 1,
    add: Annotated[Path | None, typer.Option(help="Keep a profile from another machine; nothing is measured.")] = None,
    check_: Annotated[bool, typer.Option("--check", help="Measure nothing: check the newest profile of this machine.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Time this machine's operators in about half a minute, and check predictions from them against the store's latencies."""
    devices = Devices(Workbench().store)
    if add is not None:
        kept = devices.bring(read_profile(add))
        terminal.print_json({"name": kept.name, "title": kept.title}) if as_json else print(f"Kept as {kept.name}.")
        return
    if out is not None:
        require_writable(out)
    made = _newest(devices, device, threads) if check_ else _measured(device, threads, quiet=as_json)
    graphs = list(devices.timed(made))
    made = devices.bring(made.model_copy(update={"check": check(made, graphs)}))
    if out is not None:
        write(out, made.model_dump_json(indent=1) + "\n")
    left = sorted(leave_one_out(made, graphs), key=lambda each: each.measured_ms)
    rows = [
        {
            "graph": each.label,
            "measured": f"{each.measured_ms:.3g} ms",
            "estimated": f"{each.predicted_ms:.3g} ms",
            "error": f"{each.error:+.0%}",
        }
        for each in left
    ]
    if as_json:
        terminal.print_json({"name": made.name, **made.model_dump(mode="json"), "graphs": rows})
        return
    if rows:
        terminal.print_rows(rows)
    for sentence in (about(made), check_words(made.check), f"Kept as {made.name}" + (f", written to {out}." if out else ".")):
        print(clean(sentence))


def _newest(devices: Devices, device: str, threads: int) -> DeviceProfile:
    fitting = [
        each for each in devices.known() if (each.machine, each.device, each.threads) == (machine.fingerprint(), device, threads)
    ]
    if not fitting:
        raise RecipeError("This machine has no profile of that device and number of threads: run 'python app.py profile' first.")
    return max(fitting, key=lambda each: each.created)


def _measured(device: str, threads: int, quiet: bool) -> DeviceProfile:
    machine.require_device(device)
    from kdui.runtime.device_timing import measure_profile

    columns = (TextColumn("timing operators"), BarColumn(), TextColumn("{task.completed} of {task.total}"))
    with Progress(*columns, console=console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("operators", total=None)
        return measure_profile(device, threads, progress=lambda done, of: bar.update(task, completed=done, total=of))


def about(made: DeviceProfile) -> str:
    """What was measured, in a sentence."""
    caches = ", ".join(f"{name} {size:,} kB" for name, size in made.caches_kb.items())
    return (
        f"{made.words}: {len(made.points)} timings of operators; a graph takes at least {made.run_us:.3g} µs, a node "
        f"{made.node_us:.2g} µs; memory is copied at {made.copy_gb_s:.3g} GB/s" + (f"; caches {caches}." if caches else ".")
    )


def check_words(found: Check | None) -> str:
    """How far its predictions are off."""
    if found is None:
        return (
            "Too few different graphs of this store have a latency that was measured here, on a quiet machine and with the "
            "shapes of their kernels: the error of estimates is not known."
        )
    return (
        f"Against {found.graphs} different graphs of this store, each left out of its own estimate: {found.median_error:.0%} off "
        f"in the median, 90 % of them at most {found.most_error:.0%}; a sum of operators counts {found.factor:.2f} times, and "
        f"each node {found.node_us:.2f} µs more."
    )
