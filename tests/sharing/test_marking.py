import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import ParameterError
from geocn.sharing import Marking, marking_of

ORDER = ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"]


def test_the_order_is_that_of_tlp_2() -> None:
    assert [str(one) for one in sorted(Marking)] == ORDER


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("TLP:RED", "TLP:RED"),
        ("tlp:amber+strict", "TLP:AMBER+STRICT"),
        ("Amber Strict", "TLP:AMBER+STRICT"),
        (" TLP AMBER ", "TLP:AMBER"),
        ("white", "TLP:CLEAR"),
        ("TLP:WHITE", "TLP:CLEAR"),
    ],
)
def test_spellings(text: str, label: str) -> None:
    assert str(Marking.parse(text)) == label


@pytest.mark.parametrize("text", ["", "TLP", "secret", "amber+red", "TLP:", "REDD", "tlp tlp red"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="TLP:GREEN"):
        Marking.parse(text)


@given(st.lists(st.sampled_from(list(Marking)), min_size=1))
def test_highest_is_the_maximum_by_rank(markings: list[Marking]) -> None:
    assert Marking.highest(map(str, markings)).rank == max(one.rank for one in markings)


def test_unlabelled_counts_as_red() -> None:
    for null in (None, np.nan, pd.NA):
        assert Marking.highest(["TLP:GREEN", null]) is Marking.RED
    assert marking_of(pd.DataFrame({"x": [1]})) is Marking.RED
    assert marking_of(pd.DataFrame({"marking": pd.Series(["green", None], dtype="str")})).rank == 4
    assert marking_of() is Marking.CLEAR
    assert marking_of(pd.DataFrame({"marking": pd.Series([], dtype="str")})) is Marking.CLEAR
