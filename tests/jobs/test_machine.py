"""What this machine is: the share of the processor that a container gets, and the GPUs that PyTorch can use."""

import json
import os
from pathlib import Path

import pytest

from kdui import machine
from kdui.cli.doctor import examination
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench


@pytest.fixture(autouse=True)
def ask_anew():
    machine.look_for_gpus.cache_clear()
    yield
    machine.look_for_gpus.cache_clear()


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V1 = "3:cpuset:/\n2:cpu,cpuacct:/docker/abc\n0::/\n"


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 1\n",
            },
            0.5,
        ),
        ({"proc/self/cgroup": "0::/../..\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4.0),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            2.0,
        ),
        ({"proc/self/cgroup": V1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "1"}, None),
        ({"proc/self/cgroup": "nonsense\n::::\n", "sys/fs/cgroup/cpu.max": "\n"}, None),
    ],
)
def test_the_share_of_the_processor_is_read_from_either_kind_of_control_group(tmp_path, files, quota):
    assert machine.cpu_quota(tree(tmp_path, files)) == quota


@pytest.mark.parametrize(("quota", "cores"), [(None, 8), (0.5, 1), (1.5, 1), (2.0, 2), (3.999, 4), (100.0, 8)])
def test_threads_are_as_many_as_the_share_feeds(monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert machine.cores() == cores


@pytest.mark.parametrize(("wished", "cores"), [("3", 3), ("2,1", 2), ("16", 8), ("0", 8), ("many", 8), ("", 8)])
def test_threads_are_no_more_than_openmp_is_given(monkeypatch, wished, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "cpu_quota", lambda: None)
    monkeypatch.setenv("OMP_NUM_THREADS", wished)
    assert machine.cores() == cores


TORCH = """
import os
class cuda:
    _seen = [] if os.environ.get("BROKEN") else os.environ.get("CUDA_VISIBLE_DEVICES", "0,1").split(",")
    device_count = staticmethod(lambda: len(cuda._seen))
    get_device_name = staticmethod(lambda number: f"Card {cuda._seen[number]}")
if os.environ.get("BROKEN") == "raise":
    raise RuntimeError("libcudart.so.12 is missing")
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A driver's program that lists two cards, and beside it a PyTorch of a chosen build; neither is this machine's."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho Card 0\necho Card 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def build(cuda: str | None) -> None:
        place = tmp_path / "packages"
        tree(place, {"torch/__init__.py": TORCH, "torch/version.py": f"debug = False\ncuda: Optional[str] = {cuda!r}\n"})
        monkeypatch.syspath_prepend(str(place))
        monkeypatch.setenv("PYTHONPATH", str(place))

    return build


@pytest.mark.parametrize(
    ("cuda", "environment", "names", "words"),
    [
        ("12.8", {}, ("Card 0", "Card 1"), ""),
        ("12.8", {"CUDA_VISIBLE_DEVICES": "1"}, ("Card 1",), ""),
        ("12.8", {"CUDA_VISIBLE_DEVICES": "GPU-8f1a,GPU-77"}, ("Card GPU-8f1a", "Card GPU-77"), ""),
        ("12.8", {"CUDA_VISIBLE_DEVICES": ""}, (), "CUDA_VISIBLE_DEVICES='' hides it"),
        ("12.8", {"CUDA_VISIBLE_DEVICES": "-1"}, (), "CUDA_VISIBLE_DEVICES='-1' hides it"),
        ("12.8", {"BROKEN": "quiet"}, (), "PyTorch sees none. A newer driver"),
        ("12.8", {"BROKEN": "raise"}, (), "RuntimeError: libcudart.so.12 is missing"),
        (None, {}, (), "a build for the processor alone"),
    ],
)
def test_slots_are_what_pytorch_sees(driver, monkeypatch, tmp_path, cuda, environment, names, words):
    driver(cuda)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert machine.gpus() == names
    assert machine.slots() == ([f"cuda:{number}" for number in range(len(names))] or ["cpu"])
    result = examination(Workbench(Settings(home=tmp_path / "home")))["GPUs"]
    assert all(name in result for name in names) and words in result and ("none: runs use the CPU" in result) == (not names)


def test_without_a_driver_nothing_is_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(machine, "_ask_torch", None)
    assert machine.look_for_gpus() == ((), "")


def test_doctor_states_why_a_store_cannot_be_opened(tmp_path):
    (tmp_path / "kdui.db").write_bytes(b"no database" * 500)
    facts = examination(Workbench(Settings(home=tmp_path, notes=("A note.",))))
    assert "is damaged" in facts["runs"] and facts["settings"] == "A note." and json.dumps(facts)
    assert "not known" in examination(Workbench(Settings(home=Path("/proc/kdui"))))["runs"]
