"""Dates are read in one order a column, keep their precision, and are never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import ParameterError
from geocn.harmonise._tables import load_toml
from geocn.harmonise.dates import assemble_dates, format_date, parse_dates
from tests.oracles_values import date_plain

DAYS = st.dates(date(1970, 1, 1), date(2068, 12, 31))
TIMES = st.datetimes(pd.Timestamp("1950-01-01"), pd.Timestamp("2099-12-31"))
MONTHS = load_toml("months.toml")["month"]


def one(text: object, **options):
    result = parse_dates(pd.Series([text]), **options)
    at = result.at.iloc[0]
    return (None, None) if pd.isna(at) else (at.isoformat(), result.precision[0])


def midnight(day: str) -> str:
    return f"{day}T00:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "at", "precision"),
    [
        ("2011-03-14", midnight("2011-03-14"), "day"),
        ("2011/3/4", midnight("2011-03-04"), "day"),
        ("20110314", midnight("2011-03-14"), "day"),
        ("14.03.11", midnight("2011-03-14"), "day"),
        ("14-Mar-11", midnight("2011-03-14"), "day"),
        ("14-mar.-2011", midnight("2011-03-14"), "day"),
        ("March 14th, 2011", midnight("2011-03-14"), "day"),
        ("14 de marzo de 2011", midnight("2011-03-14"), "day"),
        ("lunes, 14 de marzo del 2011", midnight("2011-03-14"), "day"),
        ("mar 15 mars 2011", midnight("2011-03-15"), "day"),
        ("1er août 2011", midnight("2011-08-01"), "day"),
        ("14 de março de 2011", midnight("2011-03-14"), "day"),
        ("14DIC2011", midnight("2011-12-14"), "day"),
        ("Mar-11", midnight("2011-03-01"), "month"),
        ("setembro de 2016", midnight("2016-09-01"), "month"),
        ("2011-03", midnight("2011-03-01"), "month"),
        ("03/2011", midnight("2011-03-01"), "month"),
        ("2011", midnight("2011-01-01"), "year"),
        ("40616", midnight("2011-03-14"), "day"),
        ("40616.5", "2011-03-14T12:00:00+00:00", "time"),
        ("2011-03-14T10:15:22.5Z", "2011-03-14T10:15:22.500000+00:00", "time"),
        ("2011-03-14T10:00:00+04:30", "2011-03-14T05:30:00+00:00", "time"),
        ("2011-03-14 22:00-0500", "2011-03-15T03:00:00+00:00", "time"),
        ("20110314T101500Z", "2011-03-14T10:15:00+00:00", "time"),
        ("14/03/2011 3:05 p.m.", "2011-03-14T15:05:00+00:00", "time"),
        ("14/03/2011 12:05 AM", "2011-03-14T00:05:00+00:00", "time"),
        ("14 mars 2011 à 14h30", "2011-03-14T14:30:00+00:00", "time"),
        ("2011-03-14 00:00:00", midnight("2011-03-14"), "day"),
        ("２０１１-０３-１４", midnight("2011-03-14"), "day"),
    ],
)
def test_spellings(text: str, at: str, precision: str) -> None:
    assert one(text) == (at, precision)


@pytest.mark.parametrize(
    "text",
    [
        "2011-02-30",
        "31/31/2011",
        "30 de febrero de 2011",
        "2011-13-01",
        "2011-03-14 24:10",
        "2011-03-14 13:05 pm",
        "0214-05-06",
        "2211-05-06",
        "soon",
        "14",
        "2011-Q1",
        "99999",
        "1/2/3/4",
        "enero febrero 2011",
        "=NOW()",
        "1" * 100_000,
    ],
)
def test_what_is_no_date_is_a_problem(text: str) -> None:
    result = parse_dates(pd.Series([text]))
    assert result.at.isna().all()
    assert isinstance(result.problem[0], str)


@pytest.mark.parametrize("text", [None, "", "  ", "n/a", "sin dato", "-"])
def test_nothing_is_no_problem(text: str | None) -> None:
    result = parse_dates(pd.Series([text], dtype="str"))
    assert result.at.isna().all()
    assert result.problem.isna().all()
    assert result.precision.isna().all()


@given(st.lists(DAYS, min_size=1, max_size=12), st.sampled_from(["dmy", "mdy"]))
def test_columns_in_one_order_survive_a_round_trip(days: list[date], order: str) -> None:
    layout = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y"}[order]
    column = pd.Series([day.strftime(layout) for day in days])
    given_order = parse_dates(column, order=order)
    assert [at.date() for at in given_order.at] == days
    found = parse_dates(column)
    if found.ambiguous or found.order != order:
        assert all(day.day <= 12 or day.day == day.month for day in days)
    else:
        assert [at.date() for at in found.at] == days


@given(TIMES, st.sampled_from(["year", "month", "day", "time"]))
def test_iso_survives_a_round_trip(at: datetime, precision: str) -> None:
    if precision == "time" and at.time() == datetime.min.time():
        return
    text = format_date(at.replace(tzinfo=UTC), precision)
    found, kept = one(text)
    assert kept == precision
    assert format_date(datetime.fromisoformat(found), precision) == text


@given(TIMES, st.integers(-14 * 60, 14 * 60))
def test_offsets_survive_a_round_trip(at: datetime, minutes: int) -> None:
    sign, size = "+-"[minutes < 0], abs(minutes)
    text = f"{at.isoformat(timespec='microseconds')}{sign}{size // 60:02d}:{size % 60:02d}"
    result = parse_dates(pd.Series([text, "2000-01-01T01:00Z"]))
    assert result.at.iloc[0] == at.replace(tzinfo=UTC) - timedelta(minutes=minutes)


@given(DAYS, st.data())
def test_month_names_survive_a_round_trip(day: date, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(MONTHS[str(day.month)]))
    layout = data.draw(
        st.sampled_from(["{d} {m} {y}", "{d} de {m} de {y}", "{d}-{m}-{y}", "{m} {d}, {y}"])
    )
    assert one(layout.format(d=day.day, m=name.title(), y=day.year)) == (midnight(str(day)), "day")


@given(
    st.tuples(st.integers(1, 31), st.integers(1, 31), st.integers(1900, 2100)),
    st.sampled_from(["dmy", "mdy"]),
)
def test_numbers_are_read_as_the_standard_library_does(
    parts: tuple[int, int, int], order: str
) -> None:
    text = "{:02d}/{:02d}/{}".format(*parts)
    found = parse_dates(pd.Series([text]), order=order).at.iloc[0]
    expected = date_plain(text, order)
    assert (None if pd.isna(found) else found.to_pydatetime()) == expected


def test_one_value_settles_the_column() -> None:
    result = parse_dates(pd.Series(["03/04/2016", "04/25/2016", "2016-05-01"]))
    assert (result.order, result.ambiguous) == ("mdy", False)
    assert result.at.dt.month.tolist() == [3, 4, 5]
    assert "'04/25/2016'" in result.evidence


def test_nothing_settles_the_column() -> None:
    result = parse_dates(pd.Series(["03/04/2016", "05/06/2016"]))
    assert (result.order, result.ambiguous) == ("dmy", True)
    assert "assumed" in result.evidence
    same = parse_dates(pd.Series(["05/05/2016"]))
    assert (same.ambiguous, same.at.dt.day.tolist()) == (False, [5])


def test_contradictions_are_problems_and_never_read_row_by_row() -> None:
    result = parse_dates(pd.Series(["25/04/2016", "26/04/2016", "04/27/2016", "05/06/2016"]))
    assert result.ambiguous
    assert result.at.isna().tolist() == [False, False, True, False]
    assert result.at.iloc[3].day == 5
    assert "can only be mdy" in result.problem[2]


def test_two_digit_years() -> None:
    result = parse_dates(pd.Series(["01/02/69", "13/02/68"]))
    assert result.at.dt.year.tolist() == [1969, 2068]
    first = parse_dates(pd.Series(["98/03/14", "11/03/14"]))
    assert first.order == "ymd"
    assert first.at.dt.year.tolist() == [1998, 2011]
    assert one("11/03/14", order="ymd") == (midnight("2011-03-14"), "day")


def test_zones() -> None:
    texts = [
        "2016-03-13 02:30",
        "2016-11-06 01:30",
        "2016-07-01 12:00",
        "2016-07-01",
        "2016-07-01T12:00Z",
    ]
    result = parse_dates(pd.Series(texts), timezone="America/New_York")
    assert "does not exist" in result.problem[0]
    assert result.precision.tolist()[1:] == ["day", "time", "day", "time"]
    assert result.at.dt.hour.tolist()[1:] == [0, 16, 0, 12]
    kabul = parse_dates(pd.Series(["2016-07-01 01:00", "2016-07-01"]), timezone="Asia/Kabul")
    assert kabul.at.dt.strftime("%d %H:%M").tolist() == ["30 20:30", "01 00:00"]


def test_typed_cells() -> None:
    days = parse_dates(pd.Series(pd.to_datetime(["2016-07-01", None])))
    assert days.precision.tolist()[0] == "day"
    assert days.at.dtype == "datetime64[us, UTC]"
    times = pd.Series(pd.to_datetime(["2016-07-01 12:00", "2016-03-13 02:30", "1800-01-01 05:00"]))
    local = parse_dates(times, timezone="America/New_York")
    assert local.at.iloc[0].hour == 16
    assert local.problem.notna().tolist() == [False, True, True]
    aware = parse_dates(times.iloc[:1].dt.tz_localize("Asia/Kabul"))
    assert aware.at.iloc[0].strftime("%H:%M") == "07:30"
    assert one(2011.0) == (midnight("2011-01-01"), "year")
    assert one(40616) == (midnight("2011-03-14"), "day")
    assert one(date(2011, 3, 14)) == (midnight("2011-03-14"), "day")


def test_index_and_empty() -> None:
    result = parse_dates(pd.Series(["2016-01-01", None], index=[5, 2], dtype="str"))
    assert result.at.index.tolist() == [5, 2]
    empty = parse_dates(pd.Series([], dtype="str"))
    assert empty.at.dtype == "datetime64[us, UTC]"
    assert (empty.order, empty.ambiguous) == ("", False)


def test_wrong_arguments() -> None:
    with pytest.raises(ParameterError, match="order"):
        parse_dates(pd.Series(["2016"]), order="ydm")
    with pytest.raises(ParameterError, match="timezone"):
        parse_dates(pd.Series(["2016"]), timezone="Nowhere/Land")
    with pytest.raises(ParameterError, match="precision"):
        format_date(datetime(2016, 1, 1, tzinfo=UTC), "week")


def test_parts_in_columns() -> None:
    frame = pd.DataFrame(
        {"y": ["2016", "2016", "2016", ""], "m": ["5", "mayo", "", "5"], "d": ["3", "3", "", "1"]}
    )
    texts = assemble_dates(frame, {"year": "y", "month": "m", "day": "d"})
    assert texts.tolist()[:3] == ["2016-05-03", "3 mayo 2016", "2016"]
    assert texts.isna().tolist() == [False, False, False, True]
    assert parse_dates(texts).precision.tolist()[:3] == ["day", "day", "year"]
    clock = pd.DataFrame({"Fecha": ["03/05/2016", "04/05/2016"], "Hora": ["14:30", None]})
    joined = assemble_dates(clock, {"seized_at": "Fecha", "time": "Hora"})
    assert joined.tolist() == ["03/05/2016 14:30", "04/05/2016"]
    assert assemble_dates(clock, {}) is None


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_a_problem_or_nothing(text: str) -> None:
    result = parse_dates(pd.Series([text], dtype="str"))
    assert not (result.at.notna() & result.problem.notna()).any()
