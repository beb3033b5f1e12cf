"""Two models' graphs side by side: each node with its kernel, bits, time and MACs; fused and fallen-back ones are named."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from kdui.core.errors import KduiError, UnknownName
from kdui.core.layout import KERNELS_FILE
from kdui.core.numbers import number, significant
from kdui.core.page_rows import Servable
from kdui.ui.chart_frame import pin_button
from kdui.ui.compare_view import title
from kdui.workbench.graph_diff import Graph, Node, aligned, graph_of

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

PRECISIONS = {"fp32": "fp32", "fp16": "fp16", "int8": "int8", "int4": "4-bit", "conversion": "conversion", "other": "other"}
MOST_ROWS = 1_500
MANY = 40  # nodes, from which those without weights begin hidden
Row = tuple[Node | None, Node | None]


class GraphCalls:
    """What the browser can ask about the graphs of two models."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def compare_graphs(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The table of the models ``first`` and ``other`` of ``task``, by the digests of their files."""
        known = {model.digest: model for model in self.workbench.servable(str(payload["task"]))}
        models = [self._known(str(payload[key]), known) for key in ("first", "other")]
        graphs = [self._graph(model.digest) for model in models]
        rows = aligned(*graphs)
        return {"title": finding(rows, graphs, models), "html": table_html(rows, graphs, models), "many": len(rows) > MANY}

    def _graph(self, digest: str) -> Graph:
        layers = self.workbench.serving.call("graph_layers", digest=digest)
        return graph_of(layers, self._kernels(digest))

    def _kernels(self, digest: str) -> dict[str, Any] | None:
        """What Measure kept of the model's profile; None where it read no speed, or it was cleared away."""
        store = self.workbench.store
        measured = store.runs.measured_step(digest)
        if measured is None or not store.artifacts.has(measured[1]):
            return None
        artifact = store.artifacts.open(measured[1])
        if KERNELS_FILE not in artifact.manifest.files:
            return None
        kept: dict[str, Any] = json.loads(artifact.file(KERNELS_FILE).read_bytes())
        return kept

    @staticmethod
    def _known(digest: str, known: Mapping[str, Servable]) -> Servable:
        if digest not in known:
            raise UnknownName("model", digest[:16], [each[:12] for each in known])
        if not digest:
            raise KduiError("Choose two models to put their graphs side by side.")
        return known[digest]


def differs(row: Row) -> bool:
    """Whether both sides are there and alike in what they are, not in how long they took."""
    left, right = row
    if left is None or right is None:
        return True
    return (left.shape, left.bits, left.levels, left.precision, left.fused_into) != (
        right.shape, right.bits, right.levels, right.precision, right.fused_into,
    )  # fmt: skip


def finding(rows: Sequence[Row], graphs: Sequence[Graph], models: Sequence[Servable]) -> str:
    """How many nodes differ, and where most of the second model's time goes."""
    apart = sum(map(differs, rows))
    text = f"{apart:,} of {len(rows):,} nodes differ"
    slowest = max((right for _, right in rows if right and right.time_us), key=lambda node: node.time_us or 0, default=None)
    if slowest is None or not graphs[1].time_us:
        return text
    share = 100 * (slowest.time_us or 0) / graphs[1].time_us
    name = f"{slowest.op} {slowest.module}".strip()
    return f"{text}; {share:.0f} % of the time of {models[1].title} goes to {name}"


def table_html(rows: Sequence[Row], graphs: Sequence[Graph], models: Sequence[Servable]) -> str:
    """A row a node. Both sides say the same five things; a narrow window shows them below one another."""
    slowest = max((node.time_us or 0 for row in rows for node in row if node), default=0.0) or 1.0
    heads = "".join(
        f'<th scope="col"><span class="swatch {model.role}"></span>{escape(title(model))}'
        f'<div class="sub">{_sums(graph, model)}</div></th>'
        for model, graph in zip(models, graphs, strict=True)
    )
    body = "".join(_row(row, slowest, models) for row in rows[:MOST_ROWS])
    cut = f"<p class='lead'>The first {MOST_ROWS:,} of {len(rows):,} nodes.</p>" if len(rows) > MOST_ROWS else ""
    beside = "".join(_beside(model, graph) for model, graph in zip(models, graphs, strict=True))
    return (
        '<div class="scroll-x" tabindex="0" role="region" aria-label="Nodes of both models"><table class="table graphs">'
        f'<caption class="sr-only">Nodes of both models, aligned by module and operator</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{cut}<ul class='lead graph-notes'>{beside}</ul>"
    )


def _sums(graph: Graph, model: Servable) -> str:
    if not graph.measured:
        return "not profiled: turn on Speed and memory in Measure"
    whole, macs = _time(graph.time_us), number(graph.macs, "count")
    return f"{whole} in all {model.latency_origin.mark}, {macs} MACs, {len(graph.nodes):,} nodes"


def _row(row: Row, slowest: float, models: Sequence[Servable]) -> str:
    plain = not any(node and node.shape for node in row)
    classes = " ".join(filter(None, ("differs" if differs(row) else "", "weightless" if plain else "")))
    cells = "".join(_cell(node, slowest, model) for node, model in zip(row, models, strict=True))
    return f'<tr class="{classes}">{cells}</tr>'


def _cell(node: Node | None, slowest: float, model: Servable) -> str:
    whose = f'<span class="of {model.role}">{escape(title(model))}</span>'
    if node is None:
        return f'<td class="gap">{whose}<span class="mute">no such node</span></td>'
    kind = node.precision or ("fused" if node.fused_into else "unknown")
    words = PRECISIONS.get(node.precision, "fused" if node.fused_into else "no kernel of its own")
    module = f'<span class="module">{escape(node.module)}</span>' if node.module else ""
    bar = ""
    if node.time_us is not None:
        width = f"width:{100 * node.time_us / slowest:.1f}%"
        bar = f'<span class="track thin" aria-hidden="true"><b class="bar-fill k-{kind}" style="{width}"></b></span>'
    lines = [part for part in (_weights(node), _ran(node), _why(node)) if part]
    return (
        f'<td>{whose}<div class="node k-{kind}"><div><b>{escape(node.op)}</b> {module}<span class="kernel">{words}</span></div>'
        + "".join(f'<div class="sub whole">{line}</div>' for line in lines)
        + f"{bar}</div></td>"
    )


def _weights(node: Node) -> str:
    if not node.shape:
        return ""
    parts = [" × ".join(map(str, node.shape)), f"{node.bits} bits"]
    if node.levels:
        parts.append(f"{node.levels} different values")
    if node.zeros is not None and node.zeros >= 0.005:
        parts.append(f"{100 * node.zeros:.0f} % zeros")
    return " · ".join(parts)


def _ran(node: Node) -> str:
    if node.time_us is None:
        return ""
    macs = f", {number(node.macs, 'count')} MACs" if node.macs else ""
    kernel = f"{escape(node.kernel)}: " if node.kernel != node.op else ""
    return f"{kernel}{_time(node.time_us)}{macs}"


def _why(node: Node) -> str:
    if node.fused_into:
        return f"fused into {escape(node.fused_into)}"
    return f'<span class="bad">falls back to float: {escape(node.reason)}</span>' if node.reason else ""


def _beside(model: Servable, graph: Graph) -> str:
    """What ran without being a node of the file."""
    if not graph.measured:
        return ""
    fusions = ", ".join(f"{escape(name)} × {count}" for name, count in graph.fusions.items())
    own = ", ".join(f"{escape(op)} {_time(spent)}" for op, spent in sorted(graph.own.items(), key=lambda item: -item[1])[:8])
    parts = [f"<b>{escape(title(model))}</b>"]
    if fusions:
        parts.append(f"fused by the optimizer: {fusions}")
    if own:
        parts.append(f"added by it: {own}")
    if graph.folded:
        parts.append(f"{graph.folded} quantize and dequantize nodes need no time of their own")
    return f"<li>{'; '.join(parts)}.</li>" if len(parts) > 1 else ""


def _time(us: float) -> str:
    return number(us / 1e3, "ms") if us >= 1 else f"{significant(us)} µs"


def graphs_markup() -> str:
    """The frame that assets/modules/graphs.js fills once it is unfolded."""
    return f"""
<section class="card" id="compare-graphs" aria-label="Graphs side by side" hidden>
  <details class="fold first" id="graphs-fold"><summary><h2 class="title">
    Graphs side by side: which kernel, how many bits, how long</h2></summary>
    <div class="buttons" id="graphs-pairs" role="group" aria-label="Graph compared with the first model's"></div>
    <div class="under"><h3 class="title" id="graphs-title">&nbsp;</h3><span></span>{pin_button("graphs", hidden=False)}</div>
    <div class="buttons graph-filters"><label><input type="checkbox" id="graphs-differ"> Only what differs</label>
      <label><input type="checkbox" id="graphs-weights"> Only layers with weights</label></div>
    <div id="graphs-table"></div></details>
</section>"""
