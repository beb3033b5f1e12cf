"""What each call of the page takes: one table for server functions, events and endpoints, asked before any of them is done.

A name that stands nowhere here is the host's alone: what nobody has thought about is not for everybody.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kdui.actions.offered import ACTIONS
from kdui.core.people import Role, require

V, R, H = Role.VIEWER, Role.RUNNER, Role.HOST
Need = Role | Callable[[Mapping[str, Any]], Role]


def _runner_with(*keys: str) -> Need:
    """Reading takes a viewer; one of these values makes it a change."""
    return lambda payload: R if any(payload.get(key) for key in keys) else V


_PANELS: dict[str, Need] = {
    **dict.fromkeys(("poll", "walk_stops", "home_now", "home_goal", "build_plan", "whatif_open"), V),
    **dict.fromkeys(("build_queue", "build_save", "own_look", "own_keep", "own_upload"), R),
    **dict.fromkeys(("build_sweep", "build_search"), _runner_with("queue")),
    **dict.fromkeys(("whatif_compute", "whatif_prepare", "whatif_measure"), R),  # minutes of the machine, kept in the store
    **dict.fromkeys(("run_table", "run_detail", "run_compare", "run_lineage", "run_alerts", "run_family", "run_family_csv"), V),
    **dict.fromkeys(("run_act", "run_family_act"), R),
    "run_marks": _runner_with("marks"),
    "saved_views": _runner_with("save", "remove"),
    **dict.fromkeys(("explore_view", "explore_csv", "explore_start", "explore_gains", "explore_gains_csv", "explore_layers"), V),
    **dict.fromkeys(("explore_layers_csv", "explore_evidence", "explore_evidence_csv", "explore_parallel"), V),
    **dict.fromkeys(("explore_tasks", "explore_linked_csv"), V),
    **dict.fromkeys(("compare_start", "compare_ask", "compare_examples", "compare_parted", "compare_items"), V),
    **dict.fromkeys(("compare_graphs", "compare_explain", "compare_align", "compare_race"), V),
    **dict.fromkeys(("compare_ballot", "compare_vote", "compare_tally", "compare_votes_csv"), V),  # a vote is a look, and counts
    "compare_votes_reset": H,  # everybody's votes
    **dict.fromkeys(("learn_list", "learn_lesson", "learn_trial"), V),
    **dict.fromkeys(("present_start", "present_slide", "present_slides", "present_style", "present_runs"), V),
    **dict.fromkeys(("present_decision", "present_card"), V),
    **dict.fromkeys(("present_arrange", "present_name", "pin", "unpin"), R),
    **dict.fromkeys(("class_look", "class_act"), H),  # the look tells the class's code
}
NEEDS: Mapping[str, Need] = {**{name: V if action.effect == "reads" else R for name, action in ACTIONS.items()}, **_PANELS}


def needed(name: str, payload: Any = None) -> Role:
    """The role that a call takes with these values."""
    need = NEEDS.get(name, H)
    return need if isinstance(need, Role) else need(payload if isinstance(payload, Mapping) else {})


def check(name: str, payload: Any = None) -> None:
    """Raises NotAllowed unless who acts has the role."""
    require(needed(name, payload), "do this")
