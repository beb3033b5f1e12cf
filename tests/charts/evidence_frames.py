"""Small frames with the columns of ``Workbench.evidence``: a teacher, a student and a compressed model."""

import pandas as pd

TEACHER = {"step": "measure.teach", "role": "teacher", "label": "The teacher"}
STUDENT = {"step": "measure.distill", "role": "student", "label": "The student"}
SMALL = {"step": "measure.quantize", "role": "compressed", "label": "Student · int8"}


def comparisons() -> pd.DataFrame:
    common = {"n": 1000, "low": -2.0, "high": -0.4, "p_value": 0.0004, "detectable": 1.1, "shown": True}
    return pd.DataFrame(
        [
            {**STUDENT, "against": "teacher", "difference": -1.2, "flips": 0.03, "negative_flips": 0.02, "positive_flips": 0.008}
            | common,
            {**SMALL, "against": "teacher", "difference": -0.2, "flips": 0.045, "negative_flips": 0.022, "positive_flips": 0.02}
            | {**common, "low": -1.5, "high": 1.1, "p_value": 0.878, "shown": False},
            {**SMALL, "against": "control", "difference": 1.0, "flips": 0.05, "negative_flips": 0.02, "positive_flips": 0.03}
            | common,
        ]
    )


def classes() -> pd.DataFrame:
    rows = [("shirt", -8.25, -3.0, 100), ("bag", 0.5, 1.0, 90), ("coat", -1.0, 0.0, 110)]
    return pd.DataFrame(
        [
            {**model, "of": name, "count": count, "recall": 90.0, "precision": 91.0}
            | {"recall_change": recall * scale, "precision_change": precision}
            for model, scale in ((STUDENT, 0.5), (SMALL, 1.0))
            for name, recall, precision, count in rows
        ]
    )


def slices() -> pd.DataFrame:
    """On shirts the model is clearly worse, on coats perhaps, on the rest not; long inputs have too few examples to tell."""
    rows = [("label", "shirt", 100, 30, 2), ("label", "bag", 90, 1, 2), ("label", "coat", 110, 9, 4), ("length", "5", 20, 2, 0)]
    return pd.DataFrame(
        [
            {**model, "by": by, "of": of, "n": n, "worse": worse // share, "better": better}
            for model, share in ((STUDENT, 4), (SMALL, 1))
            for by, of, n, worse, better in rows
        ]
    )


def bins() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**model, "ece": ece, "n": 100, "confidence": confidence, "accuracy": confidence - gap, "count": count}
            for model, ece, gap in ((TEACHER, 2.0, 0.02), (SMALL, 9.0, 0.09))
            for confidence, count in ((0.6, 20), (0.95, 80))
        ]
    )


def shift() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                **model,
                "trait": trait,
                "fifth": fifth,
                "value": top - step * fifth,
                "n": 200,
                "first": fifth / 10,
                "last": fifth / 9,
            }
            | {"low": top - step * fifth - 3, "high": top - step * fifth + 2}
            for model, top, step in ((TEACHER, 98.0, 1), (SMALL, 96.0, 4))
            for trait in ("novelty", "length")
            for fifth in range(1, 6)
        ]
    )


def robustness() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**model, "corruption": name, "severity": severity, "value": top - step * severity, "unit": "%", "n": 200}
            | {"low": top - step * severity - 3, "high": top - step * severity + 3}
            for model, top in ((TEACHER, 98.0), (SMALL, 96.0))
            for name, step, severities in (("clean", 0, [0]), ("noise", 4, range(1, 6)), ("word_drop", 8, range(1, 6)))
            for severity in severities
        ]
    )


def elsewhere() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**model, "source": source, "value": top - lost, "low": top - lost - 2, "high": top - lost + 2, "n": 300, "unit": "%"}
            | {"majority": majority}
            for model, top, step in ((TEACHER, 98.0, 1), (SMALL, 96.0, 2))
            for source, lost, majority in (
                ("test data", 0, 50.0),
                ("Tweets", 12 * step, 68.0),
                ("Product reviews", 9 * step, 61.0),
            )
        ]
    )


def sweep(tokens: tuple[int, ...] = (0,)) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**model, "batch": batch, "threads": threads, "tokens": length, "n": 40}
            | {"value": value, "low": 0.9 * value, "high": 1.1 * value}
            for model, base in ((TEACHER, 1.0), (SMALL, 0.25))
            for length in tokens
            for batch, threads in ((1, "1"), (8, "1"), (32, "1"), (32, "all"))
            if batch == 1 or length == tokens[0]
            for value in [base * batch**0.5 * max(1, length / 64) * (0.6 if threads == "all" else 1)]
        ]
    )


def kernels() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**TEACHER, "precision": "fp32", "time": 100.0, "macs": 100.0, "time_us": 80.0, "nodes": 9}
            | {"fallbacks": [], "fusions": ["2 × Conv+Relu"]},
            {**SMALL, "precision": "int8", "time": 60.0, "macs": 99.0, "time_us": 20.0, "nodes": 5}
            | {"fallbacks": [], "fusions": []},
            {**SMALL, "precision": "fp32", "time": 40.0, "macs": 1.0, "time_us": 13.0, "nodes": 2}
            | {"fallbacks": ["2 × Softmax: no int8 kernel for Softmax"], "fusions": []},
        ]
    )


def language() -> pd.DataFrame:
    """Rows of ``measurements``: two measures of language models, and one of any model."""
    rows = [
        (TEACHER, "repetition", 10.0, 12),
        (STUDENT, "teacher_agreement", 61.0, 64),
        (STUDENT, "repetition", 25.0, 12),
        (SMALL, "teacher_agreement", 58.0, 64),
        (SMALL, "repetition", 30.0, 12),
        (SMALL, "file_bytes", 1e6, 1),
    ]
    return pd.DataFrame(
        [
            {
                **model,
                "name": name,
                "value": value,
                "low": value - 2,
                "high": value + 2,
                "n": n,
                "unit": "%",
                "origin": "measured",
            }
            for model, name, value, n in rows
        ]
    )


def runtimes() -> pd.DataFrame:
    """A student that another runtime makes slower, its int8 file that it makes faster, and one that it does not take."""
    common = {
        "runtime": "OpenVINO",
        "usual": "ONNX Runtime",
        "batch": 1,
        "agreement": 100.0,
        "difference": 0.001,
        "examples": 256.0,
        "refused": "",
    }
    return pd.DataFrame(
        [
            {
                "step": "s",
                "role": "student",
                "label": "Student",
                "value": 0.5,
                "low": 0.4,
                "high": 0.6,
                "latency_ms": 2.0,
                "usual_ms": 1.0,
                **common,
            },
            {
                "step": "c",
                "role": "compressed",
                "label": "Student · int8",
                "value": 2.0,
                "low": 1.8,
                "high": 2.2,
                "latency_ms": 0.5,
                "usual_ms": 1.0,
                **common,
            },
            {
                "step": "d",
                "role": "compressed",
                "label": "Student · int4",
                **common,
                "refused": "OpenVINO does not take this graph.",
            },
        ]
    )
