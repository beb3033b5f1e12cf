"""Which phones and small devices a model fits: its measured sizes against what each device has, as its maker says.

Estimated, because nothing was run on any of them: a file that fits says nothing about speed, and working memory is compared only
where a whole process can run.
"""

from typing import Literal, NamedTuple

from kdui.workbench.stakes import Costs, Inputs

KIB, MIB, GIB = 1024, 1024**2, 1024**3
Need = Literal["download", "file", "memory"]


class Device(NamedTuple):
    """What limits a model there: ``bytes`` of ``limit``, of which an editable share may be the model's."""

    name: str
    need: Need
    limit: str
    bytes: int
    source: str


class Fit(NamedTuple):
    """What both models need of one device, in bytes, and how much it allows them; None where that was not measured."""

    device: str
    allowed: float
    teacher: float | None
    model: float | None
    rule: str


DEVICES = (
    Device("Phone, as part of an app", "download", "base module", 500_000_000, "Google Play Console help, 9859372"),
    Device("Phone with 2 GB of memory", "memory", "memory", 2 * GIB, "least memory of Android 13, Google 2022"),
    Device("Raspberry Pi Zero 2 W", "memory", "memory", 512 * MIB, "product brief"),
    Device("ESP32-S3-WROOM-1-N8", "file", "flash", 8 * MIB, "Espressif datasheet; 512 kB of memory"),
    Device("Raspberry Pi Pico (RP2040)", "file", "flash", 2 * MIB, "Pico datasheet; 264 kB of memory"),
    Device("Arduino Nano 33 BLE (nRF52840)", "file", "flash", MIB, "nRF52840 specification; 256 kB of memory"),
    Device("STM32F746NG", "file", "flash", MIB, "DS10916; 320 kB of memory"),
)
WORDS = {"download": "download", "file": "unpacked file", "memory": "peak memory of the whole process here"}


def fits(teacher: Costs, model: Costs, given: Inputs) -> list[Fit]:
    """Each device, the person's own one last where its flash was given."""
    own = (Device("Your own device", "file", "flash", int(given.flash * KIB), "as given"),) if given.flash else ()
    rows = []
    for device in (*DEVICES, *own):
        allowed = device.bytes * given.share / 100
        rule = f"{WORDS[device.need]} ≤ {given.share:g} % of its {_size(device.bytes)} {device.limit} ({device.source})"
        rows.append(Fit(device.name, allowed, getattr(teacher, device.need), getattr(model, device.need), rule))
    return rows


def _size(count: int) -> str:
    """Binary sizes as makers write them: 8 MB of flash, 256 kB; 500 MB of a download."""
    if count % MIB:
        return f"{count / 1e6:g} MB" if count % KIB else f"{count / KIB:g} kB"
    return f"{count // GIB} GB" if count >= GIB else f"{count // MIB} MB"
