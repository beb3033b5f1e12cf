"""kdui's command line: ``python app.py`` serves the page; the other commands do the same things from a terminal."""

import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, cast

import typer

if __name__ == "__main__":
    gc.disable()  # what starts up stays: searching it for garbage would be an eighth of the start
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # until main: nothing is begun that would have to be ended

from kdui import proxies
from kdui.cli import families, keeping, people, plain_terminal, profile, search, terminal, working
from kdui.cli.doctor import examination
from kdui.cli.listing import listing
from kdui.cli.output_file import require_writable, write
from kdui.settings import likely_home
from kdui.unforeseen import in_words
from kdui.workbench.workbench import Workbench

app = typer.Typer(add_completion=False, no_args_is_help=False, help=__doc__, pretty_exceptions_enable=False)
for group in (families, search, people, profile, keeping, working):
    group.register(app)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
RunId = Annotated[str, typer.Argument(help="The run's id, as 'list runs' shows it.")]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1 or KDUI_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default 7860 or KDUI_PORT.")] = None,
) -> None:
    """Serve the page (when no command is given)."""
    if context.invoked_subcommand is not None:
        gc.enable()
        return
    from kdui.cli.serve import serve as serve_page

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    serve_page(Workbench(), host, port, stop)


@app.command()
def run(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a YAML file.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting: distill.temperature=4. May be repeated.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = "auto",
    as_json: Json = False,
) -> None:
    """Queue a recipe, follow it to its end, and print what it measured."""
    bench = Workbench()
    submitted = bench.submit(bench.recipe(recipe).with_values(terminal.parse_values(set_ or [])), device)
    with terminal.dispatching(bench):
        terminal.follow(bench, submitted.id, quiet=as_json)
    detail = bench.run(submitted.id)
    terminal.print_json(terminal.run_json(bench, detail)) if as_json else terminal.print_run(detail)
    raise typer.Exit(0 if detail.run.state == "succeeded" else 1)


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(help="tasks, models, methods, recipes, studies, runs or families.")],
    text: Annotated[str, typer.Option(help="Only runs whose name, id or models contain this.")] = "",
    as_json: Json = False,
) -> None:
    """List what there is."""
    rows = listing(Workbench(), kind, text)
    terminal.print_json(rows) if as_json else terminal.print_rows(rows)


@app.command()
def data(
    path: Annotated[
        str,
        typer.Argument(
            help="A table of texts, a folder or zip of images or sounds, a text, or hub:OWNER/NAME; or the name of kept data. "
            "What the files don't tell stands before it: own-pairs:table.csv (docs/own-data.md). Options follow a question "
            "mark: reviews.csv?text=review&label=stars."
        ),
    ],
    keep: Annotated[bool, typer.Option("--keep", help="Make it a task, and print the task's name.")] = False,
    as_json: Json = False,
) -> None:
    """Look your own data over before anything runs: classes, splits and problems."""
    from kdui.cli.own_data import preview_json, print_preview

    bench = Workbench()
    name = bench.own_data.name(path)
    preview = bench.own_data.preview(name)
    task = bench.own_data.keep(name) if keep else ""
    if as_json:
        terminal.print_json(preview_json(preview, task))
    else:
        print_preview(preview)
        if not preview.refusal:
            print(f"Task: {task or name}", *(() if keep else ("(with --keep it is kept under a name of its own)",)))
    raise typer.Exit(1 if preview.refusal else 0)


@app.command()
def show(
    run_id: RunId,
    paired: Annotated[
        bool, typer.Option("--paired", help="Also compare the models' answers to the test examples: flips, McNemar, classes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a run: its steps, measurements, gain and recipe."""
    bench = Workbench()
    detail = bench.run(run_id)
    try:
        frames = bench.evidence(run_id) if paired else {}
    finally:
        bench.close()
    if as_json:
        terminal.print_json({**terminal.run_json(bench, detail), **terminal.paired_json(frames)})
    else:
        terminal.print_run(detail)
        terminal.print_paired(frames)


@app.command()
def cancel(run_id: RunId) -> None:
    """Take a run from the queue, or stop it; finished stages stay."""
    bench = Workbench()
    bench.cancel(run_id)
    print(terminal.wait_until_stopped(bench, run_id))


@app.command()
def resume(run_id: RunId) -> None:
    """Queue a failed, cancelled or interrupted run again and follow it; finished stages are not repeated."""
    bench = Workbench()
    bench.resume(run_id)
    bench.start_dispatcher()
    try:
        terminal.follow(bench, run_id)
    finally:
        bench.close()
    terminal.print_run(bench.run(run_id))


@app.command()
def delete(run_id: RunId) -> None:
    """Delete a run and the artifacts that no other run uses."""
    Workbench().delete(run_id)
    print(f"Run {run_id} is deleted.")


@app.command()
def predict(
    run_id: RunId,
    example: Annotated[str, typer.Argument(metavar="INPUT", help="A text, a picture file, or test:INDEX.")],
    as_json: Json = False,
) -> None:
    """Predict one input with every model of a run."""
    from kdui.workbench.predicting import predictions

    bench = Workbench()
    try:
        rows = predictions(bench, run_id, example)
    finally:
        bench.close()
    terminal.print_json(rows) if as_json else terminal.print_rows(rows)


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="A study's name, as 'list studies' shows it, or a YAML file.")],
    seeds: Annotated[int, typer.Option(help="Only so many of its seeds; 0: all.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the results to this JSON file.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = "auto",
    as_json: Json = False,
) -> None:
    """Queue all runs of a study, follow them, and print its table; what the store holds is not computed again."""
    from kdui.catalogue.studies import read_study
    from kdui.cli import study as studying
    from kdui.cli.verdicts import proposal

    bench, chosen, file = Workbench(), read_study(name), require_writable(out)
    used = chosen.seeds[:seeds] if seeds else chosen.seeds
    if not as_json and (needed := proposal(chosen)):
        print(f"{len(used)} of {len(chosen.seeds)} seeds; its question needs {needed}.", file=sys.stderr)
    runs = studying.queue_study(bench, chosen, used, device)
    with terminal.dispatching(bench):
        for group in zip(*runs.values(), strict=True):
            for item in group:
                terminal.follow(bench, item.id, quiet=as_json)
    table = studying.study_table(bench, chosen, runs)
    terminal.print_json(table) if as_json else print(studying.markdown(table), studying.conclusions(table), sep="\n\n")
    if file:  # after the table is shown: a disk that filled up meanwhile takes nothing with it
        write(file, json.dumps(table, indent=1, ensure_ascii=False) + "\n")


@app.command()
def deliver(
    run_id: RunId,
    model: Annotated[
        str, typer.Argument(help="Which model: its step, label or role as 'show' names it; empty: the newest compressed one.")
    ] = "",
    out: Annotated[
        Path, typer.Option(help="The file to write; .kdz packs it without loss, .gguf and .zip are what 'package' stages wrote.")
    ] = Path("model.onnx"),
    as_json: Json = False,
) -> None:
    """Write a measured model as one file that carries its claims and what its inputs need."""
    from kdui.delivery import deliver as delivery

    bench, file = Workbench(), cast(Path, require_writable(out))
    try:
        found = bench.deliver(run_id, model, file)
    finally:
        bench.close()
    terminal.print_json(delivery.as_json(found)) if as_json else terminal.print_rows(list(delivery.as_rows(found)))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A delivered .onnx or .kdz file.")],
    task: Annotated[str, typer.Option(help="Measure on this task's test data instead of the claimed one's.")] = "",
    tolerance: Annotated[float, typer.Option(min=0, help="How much slower than claimed it may answer; 0.25: a quarter.")] = 0.25,
    as_json: Json = False,
) -> None:
    """Measure a delivered file again and hold it against its claims; ends with 1 where one fails, 2 where none is verified."""
    from kdui.delivery import verify as verification
    from kdui.settings import Settings

    found = verification.verify(file, Settings.from_environment(), task, tolerance)
    if as_json:
        terminal.print_json({**found.model_dump(), "passed": found.passed})
    else:
        terminal.print_rows(verification.as_rows(found))
        print(plain_terminal.clean(f"{found.label}: {found.words}. The graph was allowed {found.limits}."))
    raise typer.Exit(found.code)


@app.command()
def gate(
    run_id: RunId,
    model: Annotated[
        str, typer.Argument(help="Which model: its step, label or role as 'show' names it; empty: the newest compressed one.")
    ] = "",
    retain: Annotated[float | None, typer.Option(help="At least so many % of the teacher's headline: 99.")] = None,
    faster: Annotated[float | None, typer.Option(help="At least so many times faster than the teacher: 1.5.")] = None,
    smaller: Annotated[float | None, typer.Option(help="At least so many times smaller, stored: 10.")] = None,
    may_exceed: Annotated[bool, typer.Option("--may-exceed", help="A model better than its teacher is no anomaly.")] = False,
    as_json: Json = False,
) -> None:
    """Judge a run's model for a program: ends with 0 ACCEPT, 1 REGRESSION, 3 ANOMALOUS, 4 INFEASIBLE; uncertainty counts."""
    from kdui.workbench.gating.judge import gate as judged
    from kdui.workbench.gating.verdict import aims_of, as_text

    aims = aims_of(retain=retain, faster=faster, smaller=smaller)
    bench = Workbench()
    try:
        found = judged(bench, run_id, model, aims, may_exceed)
    finally:
        bench.close()
    terminal.print_json(found.row()) if as_json else print(*as_text(found), sep="\n")
    raise typer.Exit(found.verdict.code)


@app.command()
def present(
    name: Annotated[str, typer.Argument(help="The presentation's name, as Present shows it.")],
    out: Annotated[
        Path, typer.Option(help="The file to write: .html or .pptx for slides, .md for the model cards of its decisions.")
    ],
    language: Annotated[str, typer.Option(help="The file's language: en or zh.")] = "en",
) -> None:
    """Write a presentation as one HTML file, for PowerPoint, or its decisions as Markdown; live slides as of now."""
    from kdui.cli.present import write_presentation

    bench, file = Workbench(), cast(Path, require_writable(out))
    try:
        print(write_presentation(bench, name, file, language))
    finally:
        bench.close()


@app.command()
def encode(
    file: Annotated[Path, typer.Argument(help="Any ONNX file; its data files must lie beside it.")],
    out: Annotated[Path, typer.Argument(help="The .kdz file to write.")],
) -> None:
    """Pack an ONNX file without loss: codebooks, runs of zeros and Huffman codes."""
    from kdui.kdz.on_disk import pack_file

    found = pack_file(file, cast(Path, require_writable(out)))
    raw = sum(row.raw_bytes for row in found.rows)
    print(
        f"{out}: {len(found.data):,} bytes; weights {raw:,} → {sum(row.coded_bytes for row in found.rows):,} "
        f"(entropy of their values {found.entropy_bytes:,.0f}, codebooks apart), the rest of the graph {found.graph_bytes:,}."
    )


@app.command()
def decode(
    file: Annotated[Path, typer.Argument(help="A .kdz file.")],
    out: Annotated[Path, typer.Argument(help="The ONNX file to write; data files go beside it.")],
    most_mb: Annotated[int | None, typer.Option(min=1, help="Unpack up to so many MB, from somebody whom you trust.")] = None,
) -> None:
    """Unpack a .kdz file: the ONNX file that was packed, byte for byte."""
    from kdui.kdz.on_disk import unpack_file

    for path in unpack_file(file, cast(Path, require_writable(out)), most_mb * 10**6 if most_mb else None):
        print(f"{path}: {path.stat().st_size:,} bytes")


@app.command()
def mcp(
    server: Annotated[
        str, typer.Option(help="Act on a served page at this address (user and password from KDUI_AUTH), not on this store.")
    ] = "",
) -> None:
    """Offer kdui's actions as tools to a program that speaks the Model Context Protocol over standard input and output."""
    from kdui.cli.mcp_server import serve as serve_tools
    from kdui.client import Workbench as Client
    from kdui.settings import Settings

    user, _, password = (Settings.from_environment().auth or "").partition(":")
    with Client(server, auth=(user, password) if server and user else None) as client:
        serve_tools(client)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine can do, and what is missing."""
    facts: dict[str, Any] = examination(Workbench())
    terminal.print_json(facts) if as_json else terminal.print_rows(
        [{"what": key, "found": value} for key, value in facts.items()]
    )


@app.command()
def schema(out: Annotated[Path | None, typer.Option(help="Write to this file.")] = None) -> None:
    """Print the JSON Schema of recipes, with every method's settings."""
    file = require_writable(out)
    text = json.dumps(terminal.recipe_schema(), indent=1)
    write(file, text) if file else print(text)


def main() -> None:
    """Run the command line: every error ends as a sentence on standard error, Ctrl-C and a closed pipe without a word."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    plain_terminal.prepare()
    proxies.spare_loopback()
    code: Any = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 1
    except Exception as error:
        code = 2
        print(f"kdui: {plain_terminal.clean(in_words(error, likely_home()))}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except (OSError, AttributeError, ValueError):  # its reader has gone, or it was closed from the start
        plain_terminal.leave_pipe()
        code = code or 1
    sys.exit(code)


if __name__ == "__main__":
    main()
