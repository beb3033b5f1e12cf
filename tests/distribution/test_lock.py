"""The lock files: every pin stands in them with the hashes of its files, as does everything that a pinned package needs."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^([\w.-]+)==([\w.]+)(?: ; [^\n\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M)
OF_THE_MACHINE = ("torch", "triton")  # their builds are for a CPU or a CUDA version, so no hash fits all
OF_CUDA = ("nvidia-", "cuda-")
PINS = {
    "requirements.lock": ["requirements.txt"],
    "requirements-dev.lock": ["requirements-dev.txt", "requirements-independent.txt"],
}
# Needed by a package that is installed without what it asks for (requirements-independent.txt).
NOT_TAKEN = {"torchdistill"}


def locked(name):
    """Package -> its versions: several where Pythons differ."""
    found = {}
    for package, version, _ in BLOCK.findall((ROOT / name).read_text("utf-8")):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def left_to_the_machine(name):
    return name in OF_THE_MACHINE or name.startswith(OF_CUDA)


@pytest.mark.parametrize("name", PINS)
def test_a_lock_has_every_pin_and_nothing_but_versions_and_hashes(name):
    versions = locked(name)
    pins = [
        Requirement(line.partition("  #")[0])
        for file in PINS[name]
        for line in (ROOT / file).read_text("utf-8").splitlines()
        if line and not line.startswith(("#", "-r "))
    ]
    wrong = [
        str(pin)
        for pin in pins
        if not left_to_the_machine(pin.name)
        and not any(pin.specifier.contains(version) for version in versions.get(canonicalize_name(pin.name), ()))
    ]
    assert len(pins) > 10 and wrong == [], "make lock"
    assert [package for package in versions if left_to_the_machine(package)] == []
    assert BLOCK.sub("", (ROOT / name).read_text("utf-8")) == ""  # no address, no line without a hash


def test_the_locks_agree_and_leave_nothing_out_that_a_package_needs():
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    assert {package: versions for package, versions in run.items() if dev.get(package) != versions} == {}
    missing = set()
    for package in dev.keys() - NOT_TAKEN:
        try:
            wanted = [Requirement(text) for text in requires(package) or ()]
        except PackageNotFoundError:  # of another system or Python
            continue
        needed = {canonicalize_name(each.name) for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})}
        missing |= {(package, name) for name in needed - dev.keys() if not left_to_the_machine(name)}
    assert missing == set(), "make lock"
