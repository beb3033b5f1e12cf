"""Prune: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from kdui.core.errors import RecipeError
from kdui.core.knobs.recovery import RecoveryKnobs, need_weights, plan_compressed
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder
from kdui.core.words import percent

CALIBRATED = ("taylor", "wanda", "wanda-2:4", "sparsegpt", "sparsegpt-2:4")
HALVED = ("2:4", "wanda-2:4", "sparsegpt-2:4")  # criteria that remove two of every four inputs
ONCE = (*HALVED, "sparsegpt")  # criteria that remove in one go
RANKED = ("magnitude", "random", "taylor", "movement")  # criteria that rank the weights of all layers
# Knobs that joined later, with the value at which they do nothing: artifacts made before them stay valid.
JOINED = {"scope": "global", "prune_schedule": "one-shot"}


class PruneSpec(RecoveryKnobs):
    """Settings of pruning single weights and of the recovery that follows under the teacher."""

    kind: Literal["magnitude", "random", "taylor", "movement", "wanda", "2:4", "wanda-2:4", "sparsegpt", "sparsegpt-2:4"] = Field(
        default="magnitude",
        title="Criterion",
        description="Magnitude: smallest absolute weights. Random: baseline. Taylor: smallest estimated effect on the "
        "loss. Movement: weights that move towards zero during training. Wanda: small weights on weak inputs. "
        "2:4: two of every four inputs, the smallest weights or, wanda-2:4, by Wanda. SparseGPT: what least changes a layer's "
        "outputs once its other weights have made up for it (sparsegpt-2:4 also).",
        json_schema_extra={"turns": "kind"},
    )
    sparsity: float = Field(
        default=0.5,
        ge=0,
        le=0.98,
        title="Sparsity",
        description="Fraction of the weights to remove.",
        json_schema_extra={
            "lens": "sparsity",
            "step": 0.05,
            "percent": True,
            "only_when": {"kind": [*RANKED, "wanda", "sparsegpt"]},
        },
    )
    scope: Literal["global", "layer"] = Field(
        default="global",
        title="Ranked",
        description="Global: all layers together, so robust layers lose more. Layer: the same share in each layer.",
        json_schema_extra={"advanced": True, "only_when": {"kind": list(RANKED)}},
    )
    prune_schedule: Literal["one-shot", "iterative", "cubic"] = Field(
        default="one-shot",
        title="Pruning schedule",
        description="One-shot: prune once, then fine-tune. Iterative: prune and fine-tune in rounds. Cubic: raise sparsity "
        "gradually while fine-tuning (required by movement pruning).",
        json_schema_extra={"only_when": {"kind": [*RANKED, "wanda"]}},
    )
    rounds: int = Field(
        default=3,
        ge=2,
        le=50,
        title="Cuts",
        description="Number of pruning rounds.",
        json_schema_extra={"advanced": True, "only_when": {"prune_schedule": ["iterative"]}},
    )
    settled_at: float = Field(
        default=0.6,
        ge=0.05,
        le=0.95,
        title="Reached after",
        description="Fraction of training after which the sparsity stays constant; the rest is plain fine-tuning.",
        json_schema_extra={"advanced": True, "step": 0.05, "percent": True, "only_when": {"prune_schedule": ["cubic"]}},
    )
    calibration_examples: int = Field(
        default=256,
        ge=1,
        le=100_000,
        title="Calibration examples",
        description="Training examples used for gradients (Taylor) or inputs (Wanda, SparseGPT).",
        json_schema_extra={"advanced": True, "only_when": {"kind": list(CALIBRATED)}},
    )

    @field_validator("kind", mode="before")
    @classmethod
    def _channels_moved(cls, value: Any) -> Any:
        if value == "structured":
            raise PydanticCustomError(
                "moved",
                "Whole channels, heads and layers are removed by a separate stage: write 'prune_structured' instead of 'prune'",
            )
        return value

    def own(self) -> dict[str, Any]:
        """What decides the masks; what means nothing for this criterion and schedule is left out, and so is what joined later."""
        knobs: dict[str, Any] = {"kind": self.kind, "sparsity": 0.5 if self.kind in HALVED else self.sparsity}
        if self.kind in RANKED:
            knobs["scope"] = self.scope
        if self.kind not in ONCE:
            knobs["prune_schedule"] = self.prune_schedule
        if knobs.get("prune_schedule") == "iterative":
            knobs["rounds"] = self.rounds
        if knobs.get("prune_schedule") == "cubic":
            knobs["settled_at"] = self.settled_at
        if self.kind in CALIBRATED[1:] or (self.kind == "taylor" and self.prune_schedule != "cubic"):
            knobs["calibration_examples"] = self.calibration_examples
        return {name: value for name, value in knobs.items() if name not in JOINED or value != JOINED[name]}

    def chosen(self) -> dict[str, Any]:
        """The training's knobs and ``own``."""
        recovery = {name: value for name, value in super().chosen().items() if name in RecoveryKnobs.model_fields}
        return {**recovery, **self.own()}


def _check_schedule(stage: str, spec: PruneSpec) -> None:
    """Raises RecipeError for a criterion and a schedule that do not go together."""
    if spec.kind == "movement" and spec.prune_schedule != "cubic":
        raise RecipeError(
            f"Stage '{stage}': movement pruning reads where training moves the weights, so it prunes while it trains. "
            "Set 'prune_schedule: cubic' there, or choose kind: taylor."
        )
    if spec.kind == "wanda" and spec.prune_schedule == "cubic":
        raise RecipeError(
            f"Stage '{stage}': wanda reads the inputs of calibration examples, which is too slow after every few updates. "
            "Set 'prune_schedule: iterative' or 'one-shot' there, or choose kind: movement."
        )
    if spec.kind in ONCE and spec.prune_schedule != "one-shot":
        raise RecipeError(
            f"Stage '{stage}': {'2:4' if spec.kind in HALVED else spec.kind} prunes once, so it has no schedule. "
            "Leave 'prune_schedule' out there, or choose another kind."
        )
    if spec.prune_schedule != "one-shot" and not spec.epochs:
        raise RecipeError(
            f"Stage '{stage}': the schedule {spec.prune_schedule} removes weights during fine-tuning, but 'epochs' is 0. "
            "Give it epochs, or set 'prune_schedule: one-shot'."
        )


def plan(builder: PlanBuilder, stage: str, spec: PruneSpec) -> None:
    """One step: the sparse model, fine-tuned with the teacher where there is one."""
    need_weights(builder, stage)
    _check_schedule(stage, spec)
    share = percent(spec.sparsity)
    remark = {
        **{"magnitude": f"{share} sparse", "random": f"{share} sparse at random"},
        **{"2:4": "2:4 sparse", "wanda-2:4": "2:4 sparse by wanda", "sparsegpt-2:4": "2:4 sparse by sparsegpt"},
    }.get(spec.kind, f"{share} sparse by {spec.kind}")
    if spec.prune_schedule != "one-shot":
        remark += f", {spec.prune_schedule}"
    plan_compressed(builder, stage, spec, method="prune", operation="prune", remark=remark)


METHOD = Method(
    name="prune",
    title="Prune",
    group=Group.COMPRESS,
    order=Place.ZEROS,
    version=2,
    spec=PruneSpec,
    plan=plan,
    source="Han et al. 2015, arXiv:1506.02626, section 3; Molchanov et al. 2019, Sanh et al. 2020, Sun et al. 2024, "
    "Frantar and Alistarh 2023",
    summary="Unstructured pruning: set individual weights to zero, then fine-tune with the teacher.",
)
