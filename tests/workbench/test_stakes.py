"""The units of stakeholders against sums done by hand."""

import pytest

from kdui.workbench.devices import MIB, fits
from kdui.workbench.stakes import Costs, Inputs, stakes

TEACHER, STUDENT = Costs(0.036, 90e6), Costs(0.009, 5e6)


def by_name(*costs, **given):
    return {row.quantity: row for row in stakes(*costs, Inputs(**given))}


def test_each_quantity_is_its_formula():
    rows = by_name(TEACHER, STUDENT, answers=1e6, price=0.1, power=10, grid=400, mbit=20, peak=100, cores=2, load=50)
    assert rows["Cost per month"].teacher == pytest.approx(1.0)  # 36,000 s are 10 h at 0.1
    assert rows["Cost per month"].saved == pytest.approx(0.75)
    assert rows["Energy per million answers"].teacher == pytest.approx(0.1)  # 36,000 s × 10 W = 360 kJ
    assert rows["CO₂ per million answers"].model == pytest.approx(10)  # 0.025 kWh × 400 g
    assert (rows["Download on 4G"].teacher, rows["Download on 4G"].model) == pytest.approx((36, 2))
    assert (rows["Machines at the peak"].teacher, rows["Machines at the peak"].model) == (4, 1)  # 3.6 and 0.9 busy cores


def test_what_is_not_known_is_no_number_and_its_formula_says_what_to_give():
    rows = by_name(Costs(None, None), STUDENT)
    assert all(row.teacher is None and row.saved is None for row in rows.values())
    assert rows["Energy per million answers"].model is None and "give the power" in rows["Energy per million answers"].formula
    assert (
        rows["CO₂ per million answers"].model is None
        and "give that of your electricity" in rows["CO₂ per million answers"].formula
    )
    assert rows["Machines at the peak"].model == 4  # 9 busy cores of 2.8 each


def test_a_machine_that_is_exactly_full_is_one():
    assert by_name(Costs(0.003, 1), Costs(0.003, 1), peak=1000, cores=10, load=30)["Machines at the peak"].model == 1


def test_a_model_fits_where_its_size_is_within_the_share_of_the_device():
    teacher = Costs(None, 90e6, file=90e6)
    given = Inputs(share=50, flash=256)
    rows = {row.device: row for row in fits(teacher, Costs(None, 5e5, file=MIB / 2, memory=200e6), given)}
    nano = rows["Arduino Nano 33 BLE (nRF52840)"]
    assert (nano.allowed, nano.model, nano.teacher) == (MIB / 2, MIB / 2, 90e6)  # just so, and far too large
    assert "unpacked file ≤ 50 % of its 1 MB flash" in nano.rule
    assert rows["Phone, as part of an app"].allowed == 250e6 and rows["Phone, as part of an app"].model == 5e5
    assert rows["Raspberry Pi Zero 2 W"].teacher is None and rows["Raspberry Pi Zero 2 W"].model == 200e6
    assert rows["Your own device"].allowed == 128 * 1024 and "256 kB flash" in rows["Your own device"].rule
    assert "Your own device" not in {row.device for row in fits(teacher, teacher, Inputs())}
