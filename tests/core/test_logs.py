"""Log lines: on standard output, at once, with the run's id where there is one."""

from kdui.core.logs import logger


def test_lines_of_a_run_carry_its_id_and_others_stand_alone(capsys):
    logger("engine", "r-1").info("%s", "teach: 50 % of the epochs")
    logger("launch").error("dispatcher: %s", "the disk is full")
    assert capsys.readouterr().out == "[r-1] teach: 50 % of the epochs\ndispatcher: the disk is full\n"
