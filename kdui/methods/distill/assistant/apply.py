"""Its steps are those of soft targets: what differs is who teaches whom, and that is in the plan."""

from kdui.methods.distill.distill.apply import distill

__all__ = ["distill"]
