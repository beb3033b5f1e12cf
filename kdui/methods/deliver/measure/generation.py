"""How fast a language model generates: time to the first token, tokens a second of prompts and after them, beside the teacher."""

from kdui.core.artifact import Artifact
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.core.measurement import Measurement
from kdui.methods.deliver.measure.provenance import provenance, row, unpacked_note
from kdui.methods.deliver.measure.samples import timed_sample
from kdui.runtime.generation_speed import Generation, Prompt, Readings
from kdui.runtime.latency import measure_generation
from kdui.training.context import StepContext

LENGTHS, USUAL = (16, 64, 256), 1  # tokens of the prompts that are timed; the place of the one that the headline figures are of
BATCHES = (1, 4)
STEPS = 16  # tokens after a prompt
RATE = "tokens/s"


def generation_rows(context: StepContext, model: Artifact) -> list[Measurement]:
    """The four headline figures at the usual prompt, batch 1, and the rates at every setting by their own names."""
    threads, baseline = context.settings["threads"], context.inputs["baseline"]
    prompts = settings_of(*(int(read_inputs(each.path).settings["max_length"]) for each in (model, baseline)))
    generation = measure_generation(
        model.file(MODEL_FILE),
        baseline.file(MODEL_FILE),
        [
            (
                each,
                timed_sample(context, model, each.batch, each.length)["input_ids"],
                timed_sample(context, baseline, each.batch, each.length)["input_ids"],
            )
            for each in prompts
        ],
        threads,
        STEPS,
    )
    usual = next(each for each in generation.readings if each.prompt == prompts[0])
    if usual.doubt:
        context.report.log(f"decode speed is {usual.doubt}; the machine was busy")
    about = f"ONNX Runtime, {threads} thread{'s' if threads > 1 else ''}" + ("" if generation.cached else "; no KV cache")
    about = "; ".join(filter(None, (about, unpacked_note(model))))
    against = str(context.settings.get("baseline", "the teacher in fp32"))
    return [
        *_headline_rows(usual, generation, about, against),
        *(row for each in generation.readings for row in _swept(each, about)),
    ]


def settings_of(*longest: int) -> list[Prompt]:
    """What is timed of models that take so many tokens: the usual prompt first, the others alone, and then several at once."""
    room = max(1, min(longest) - STEPS)
    lengths = sorted({min(length, room) for length in LENGTHS})
    usual = lengths[min(USUAL, len(lengths) - 1)]
    alone = [usual, *(length for length in lengths if length != usual)]
    return [Prompt(batch=1, length=length) for length in alone] + [Prompt(batch=batch, length=usual) for batch in BATCHES[1:]]


def _headline_rows(usual: Readings, generation: Generation, about: str, against: str) -> list[Measurement]:
    where = f"{usual.prompt.length} tokens of prompt, batch 1, {about}"
    noted = "; ".join(filter(None, (where, usual.doubt)))
    prefill, decode, ratio = usual.prefill, usual.decode, usual.decode_speedup
    first = 1e3 * usual.prompt.length
    before, steps = provenance(n=len(usual.prefill_ms), note=where), provenance(n=len(usual.decode_ms), note=noted)
    turned = steps.model_copy(update={"note": f"{noted}; against {against}, timed alternately"})
    if not generation.baseline_cached:
        turned = turned.model_copy(update={"note": f"{turned.note}, which has no KV cache"})
    return [
        row("first_token", first / prefill[0], "ms", before, low=first / prefill[2], high=first / prefill[1],
            title="Time to first token", samples=tuple(round(value, 5) for value in usual.prefill_ms)),
        row("prefill_rate", prefill[0], RATE, before, True, low=prefill[1], high=prefill[2], title="Prefill speed"),
        row("decode_rate", decode[0], RATE, steps, True, low=decode[1], high=decode[2], title="Decode speed"),
        row("decode_speedup", ratio[0], "×", turned, True, low=ratio[1], high=ratio[2], title="Decode speed-up"),
    ]  # fmt: skip


def _swept(each: Readings, about: str) -> list[Measurement]:
    """Both rates at one setting, as decode.batch4.tokens64."""
    words = f"{each.prompt.length} tokens of prompt, batch {each.prompt.batch}, {about}"
    rates = (("prefill", each.prefill, each.prefill_ms), ("decode", each.decode, each.decode_ms))
    return [
        row(f"{kind}.{each.prompt.name}", rate[0], RATE, provenance(n=len(ms), note=words), True, low=rate[1], high=rate[2])
        for kind, rate, ms in rates
    ]
