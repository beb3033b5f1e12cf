"""Errors of libraries are known by their words: memory that ran out, a GPU that was lost."""

import pytest

from kdui.catalogue.planner import plan_recipe
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.engine.failures import gpu_is_lost, memory_advice, ran_out_of_memory
from tests.engine.digits import SHORT, Bench
from tests.jobs.processes import history

# As PyTorch, ONNX Runtime, NumPy, the C++ library and CUDA say it.
NO_MEMORY = [
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."
    ),
    RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError(
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bfc_arena.cc Failed to allocate memory for requested buffer of size 4096"
    ),
    RuntimeError("std::bad_alloc"),
    MemoryError("Unable to allocate 7.28 GiB for an array"),
    OSError(12, "Cannot allocate memory"),
    RuntimeError("could not create a primitive"),
    ImportError("libtiff.so.6: failed to map segment from shared object"),
]
LOST = ["CUDA error: no CUDA-capable device is detected", "CUDA error: unspecified launch failure", "GPU has fallen off the bus"]


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: str(error)[:30])
def test_memory_that_ran_out_is_known(error):
    assert ran_out_of_memory(error) and not gpu_is_lost(error)


def test_other_errors_are_neither():
    for error in (RuntimeError("shapes differ"), ValueError("no CUDA-capable device"), OSError(28, "No space left on device")):
        assert not ran_out_of_memory(error) and not gpu_is_lost(error)


def test_the_advice_names_the_setting_of_the_step_under_way(settings):
    stages = [{"teach": {"batch_size": 1}}, {"distill": {"batch_size": 96}}, "export"]
    plan = plan_recipe(Recipe.model_validate({**SHORT, "stages": stages}), settings)
    assert "Lower distill.batch_size (now 96), or raise distill.accumulate" in memory_advice(plan, "distill", "cpu")
    assert "on the GPU in step teach. Set teach.recompute" in memory_advice(plan, "teach", "cuda:0")
    export = next(step.name for step in plan if step.method == "export")
    assert f"in step {export}. Choose a smaller model" in memory_advice(plan, export, "cpu")
    assert memory_advice([], "", "cpu").startswith("There was not enough memory on the machine. Choose a smaller model")


@pytest.mark.parametrize("words", LOST)
def test_a_lost_gpu_interrupts_the_run_which_goes_on_in_a_new_process(tmp_path, monkeypatch, words):
    """There is no GPU here to take away: the error is raised where PyTorch would."""

    def lost(context):
        raise RuntimeError(words)

    bench = Bench(tmp_path)
    monkeypatch.setattr("kdui.methods.teach.teach.apply.teach", lost)
    run = bench.run(SHORT, device="cpu")
    assert (run.state, run.waits_for_a_person) == (RunState.INTERRUPTED, False)
    assert any(words in line and "from its last checkpoint" in line for line in bench.said(run))
    assert history(bench.store, run)[-1] == "interrupted"
