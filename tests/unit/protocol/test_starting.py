"""In which order a peer goes online: the founding rules, told as what others can rely on."""

from __future__ import annotations

import pytest

from academics_jupyter.protocol.starting import Step, steps

BOTH = pytest.mark.parametrize("returning", [False, True])


@pytest.mark.parametrize(
    ("returning", "order"),
    [
        (False, (Step.ASK, Step.SERVE, Step.ANNOUNCE, Step.DIAL)),
        (True, (Step.SERVE, Step.ANNOUNCE, Step.ASK, Step.DIAL)),
    ],
)
def test_the_table(returning: bool, order: tuple[Step, ...]) -> None:
    assert steps(returning=returning) == order


@BOTH
def test_every_step_is_taken_once(returning: bool) -> None:
    assert sorted(steps(returning=returning), key=lambda step: step.value) == list(Step)


@BOTH
def test_nobody_is_told_of_a_server_that_is_not_up_yet(returning: bool) -> None:
    order = steps(returning=returning)
    assert order.index(Step.SERVE) < order.index(Step.ANNOUNCE)


@BOTH
def test_nobody_is_dialled_before_it_is_known_who_is_online_and_how_to_dial_back(returning: bool) -> None:
    assert steps(returning=returning)[-1] is Step.DIAL
