"""MiniLM relations: the form, and its place in the plan."""

from collections.abc import Iterable

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import LAYERS, RepresentationKnobs, shared_representation
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class MinilmRelationsSpec(RepresentationKnobs):
    """Settings of self-attention relation distillation (Wang et al. 2020, MiniLM, section 3; MiniLMv2, 2021, section 3)."""

    layers: str = Field(
        default="last",
        pattern=LAYERS,
        title="Layer pairs",
        description="last, as in the paper; auto (every layer at the same depth); or student:teacher pairs counted from 0.",
    )
    relation_heads: int = Field(
        default=8,
        ge=1,
        le=256,
        title="Relation heads",
        description="Number of heads into which queries, keys and values are split; must divide both widths. More heads "
        "give finer relations; 8 divides the usual widths 128, 256, 312, 384 and 768.",
    )


def uneven(widths: Iterable[int], heads: int) -> str:
    """What is wrong where ``heads`` do not divide every width, and which numbers do; an empty text where nothing is."""
    distinct = sorted(set(widths))
    if not any(width % heads for width in distinct):
        return ""
    fitting = [number for number in range(1, min(distinct) + 1) if all(width % number == 0 for width in distinct)]
    return (
        f"{heads} relation heads do not divide the widths {' and '.join(map(str, distinct))} of student and teacher. "
        f"Set relation_heads to one of {', '.join(map(str, fitting))}."
    )


def plan(builder: PlanBuilder, stage: str, spec: MinilmRelationsSpec) -> None:
    """The teacher's queries, keys and values are kept; neither widths nor numbers of heads need be the same."""
    shared_representation(builder, stage, ("attention",))
    _check_widths(builder, stage, spec.relation_heads)
    settings = {**spec.soft(), "relation_heads": spec.relation_heads}
    features = {"kind": "relations", "layers": spec.layers, "reduce": "none"}
    plan_student(
        builder, stage, spec, method="minilm_relations", operation="match_relations", settings=settings, features=features
    )


def _check_widths(builder: PlanBuilder, stage: str, heads: int) -> None:
    """Raises RecipeError where the heads do not divide a width that is known before the models are built."""
    widths = [facts.attention_width for facts in (builder.student_facts, builder.teacher_facts) if facts is not None]
    if fault := uneven([width for width in widths if width], heads):
        raise RecipeError(f"Stage '{stage}': {fault}")


METHOD = Method(
    name="minilm_relations",
    title="Self-attention relations (MiniLM)",
    group=Group.DISTILL,
    transfers="representations",
    flow="attention relations",
    source="Wang et al. 2021, MiniLMv2, arXiv:2012.15828, section 3",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=MinilmRelationsSpec,
    plan=plan,
    summary="Match the self-attention relations (query, key and value) of the last layer.",
)
