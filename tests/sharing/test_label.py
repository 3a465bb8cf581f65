"""Labels, their order, and what it takes to lower one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import geocn
from geocn.errors import ParameterError
from geocn.sharing import Label, Marking, ReleaseProfile, label_of, lower_marking, release
from geocn.sharing.label import TLP_COLOURS, TLP_GROUND, classification_rank


def test_the_colours_are_those_of_first_and_of_the_page() -> None:
    # FIRST, TLP version 2.0 (2022), table of colours on a black ground.
    first = {"RED": "#FF2B2B", "AMBER": "#FFC000", "AMBER_STRICT": "#FFC000"}
    first |= {"GREEN": "#33FF00", "CLEAR": "#FFFFFF"}
    assert {one.name: colour for one, colour in TLP_COLOURS.items()} == first
    assert TLP_GROUND == "#000000"
    sheet = Path(geocn.__file__).parent / "maps/assets/css/frame.css"
    css = sheet.read_text(encoding="utf-8").casefold()
    for name in ("red", "amber", "green"):
        assert f".tlp-{name} {{ color: {first[name.upper()].casefold()}; }}" in css


def test_the_label_of_a_product_is_the_highest_of_its_sources() -> None:
    one = pd.DataFrame(
        {
            "marking": ["TLP:GREEN", "TLP:CLEAR"],
            "classification": ["RESTRICTED", None],
            "releasable_to": ["ngo; military", None],
        }
    )
    other = xr.DataArray(np.ones(1), attrs={"marking": "TLP:AMBER", "classification": "SECRET"})
    found = label_of(one, other)
    assert found == Label(Marking.AMBER, "SECRET", ("ngo", "military"))
    narrower = one.assign(releasable_to="military")
    assert label_of(one, narrower).releasable_to == ("military",)
    assert label_of(one, one.assign(releasable_to="un")).releasable_to == ()
    assert label_of(pd.DataFrame({"drug": ["x"]})).marking is Marking.RED


def test_classifications_have_an_order_and_no_guesses() -> None:
    words = ["unclassified", "NATO RESTRICTED", "Confidential", "EU SECRET", "COSMIC TOP SECRET"]
    assert [classification_rank(word) for word in words] == [0, 1, 2, 3, 4]
    with pytest.raises(ParameterError, match="no classification"):
        Label(Marking.GREEN, "HUSH")


@pytest.mark.parametrize(("approver", "reason"), [("", "x"), ("x", " "), (None, "x"), ("", "")])
def test_nobody_lowers_a_marking_without_name_and_reason(approver: str, reason: str) -> None:
    frame = pd.DataFrame({"marking": ["TLP:RED"]})
    with pytest.raises(ParameterError, match="nothing was changed"):
        lower_marking(frame, to="TLP:GREEN", approver=approver, reason=reason)


def test_lowering_is_recorded_and_reaches_the_release() -> None:
    frame = pd.DataFrame({"drug": list("abc"), "marking": ["TLP:RED", "TLP:AMBER", None]})
    before = frame.copy(deep=True)
    lowered, record = lower_marking(frame, to="amber", approver="Col. X", reason="Court ruling")
    pd.testing.assert_frame_equal(frame, before)
    assert lowered["marking"].fillna("-").tolist() == ["TLP:AMBER", "TLP:AMBER", "-"]
    assert record == {
        "to": "TLP:AMBER",
        "approver": "Col. X",
        "reason": "Court ruling",
        "n_rows": 1,
        "from": {"TLP:RED": 1},
    }
    profile = ReleaseProfile(
        partner="ngo", max_marking="TLP:AMBER", layers={"seizures": {"columns": ["drug"]}}
    )
    out = release({"seizures": lowered.iloc[:2].assign(releasable_to="ngo")}, profile)
    assert len(out.layers["seizures"]) == 2
    assert out.lowered == [{"layer": "seizures", **record}]
    assert out.layers["seizures"].attrs == {}


def test_a_classified_row_stays_unless_the_profile_allows_it() -> None:
    words = ["RESTRICTED", "UNCLASSIFIED", None, "gibberish", "SECRET"]
    frame = pd.DataFrame({"drug": list("abcde"), "marking": "TLP:CLEAR", "classification": words})

    def left(**more: str) -> list[str]:
        profile = ReleaseProfile.model_validate(
            {"partner": "ngo", "max_marking": "TLP:CLEAR", "layers": {"seizures": ["drug"]}} | more
        )
        return release({"seizures": frame}, profile).layers["seizures"]["drug"].tolist()

    assert left() == ["b", "c"]
    assert left(classification="restricted") == ["a", "b", "c"]
