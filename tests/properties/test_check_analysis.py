"""Every public analysis keeps the promises of all analyses."""

from __future__ import annotations

import pytest

from geocn import corridors, coverage, cultivation, evaluation, hotspots
from tests.properties.cases import CASES, NOT_ANALYSES
from tests.properties.check import CHECKS, Case

ROOMS = (hotspots, corridors, coverage, cultivation, evaluation)
IDS = [f"{case.name}-{i}" for i, case in enumerate(CASES)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check_analysis(case: Case, check) -> None:
    check(case)


def test_every_public_function_is_in_the_suite() -> None:
    public = {f"{room.__name__.split('.')[-1]}.{name}" for room in ROOMS for name in room.__all__}
    assert public == {case.name for case in CASES} | set(NOT_ANALYSES)
