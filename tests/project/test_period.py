from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn import schema
from geocn.errors import ParameterError
from geocn.project.period import Period, parse_day


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2025", "2025-01-01", "2025-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2025-Q4", "2025-10-01", "2025-12-31"),
        ("2025-12", "2025-12-01", "2025-12-31"),
        ("2025-01-15/2025-02-20", "2025-01-15", "2025-02-20"),
        ("2025-01-15/2025-01-15", "2025-01-15", "2025-01-15"),
    ],
)
def test_forms(text: str, start: str, end: str) -> None:
    period = Period.parse(text)
    assert (str(period.start), str(period.end)) == (start, end)


@pytest.mark.parametrize(
    "text", ["", "25", "2025-13", "2025-00", "2025-Q5", "2025-02-30/2025-03-01", "2025-1", "0000"]
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="2025-Q1"):
        Period.parse(text)


def test_a_period_runs_forwards() -> None:
    with pytest.raises(ParameterError, match="before it starts"):
        Period.parse("2025-02-01/2025-01-01")


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_quarters_and_months_part_the_year(day: date) -> None:
    frame = pd.DataFrame({"seized_at": [pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=23)]})
    for names in (
        [f"{day.year}-Q{q}" for q in range(1, 5)],
        [f"{day.year}-{m:02d}" for m in range(1, 13)],
    ):
        inside = [Period.parse(name).within(frame, "seizures")[0] for name in names]
        assert sum(inside) == 1


def test_spans_overlap_and_are_open_where_unknown() -> None:
    days = ["2025-01-01", None, "2025-03-01", "2025-01-01", None, "2025-02-28T23:00"]
    ends = ["2025-02-01", "2025-01-31", "2025-04-01", None, None, None]
    frame = pd.DataFrame(
        {
            "starts_on": pd.to_datetime(days, format="ISO8601", utc=True),
            "ends_on": pd.to_datetime(ends, utc=True),
        }
    )
    february = Period.parse("2025-02")
    assert february.within(frame, "interventions").tolist() == [
        True,
        False,
        False,
        True,
        True,
        True,
    ]
    renamed = frame.rename(columns={"starts_on": "first_seen", "ends_on": "last_seen"})
    assert february.within(renamed, "routes").tolist() == [True, False, False, True, False, True]


def test_cultivation_is_by_year_and_undated_layers_stay() -> None:
    frame = pd.DataFrame({"year": pd.array([2023, 2024, None], dtype="Int64")})
    assert Period.parse("2024-Q2").within(frame, "cultivation").tolist() == [False, True, False]
    assert Period.parse("2024").within(frame, "borders").tolist() == [True] * 3
    assert Period.parse("2024").within(schema.empty("seizures"), "seizures").tolist() == []


def test_days() -> None:
    assert parse_day("2025-12-31") == date(2025, 12, 31)
    assert parse_day(None) is None
    with pytest.raises(ParameterError, match="2025-12-31"):
        parse_day("31/12/2025")


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("2024-03", "2024-02"),
        ("2024-01", "2023-12"),
        ("2024-Q1", "2023-Q4"),
        ("2024-Q3", "2024-Q2"),
        ("2024", "2023"),
        ("2025-01-15/2025-01-31", "2024-12-29/2025-01-14"),
        ("2025-03-01/2025-03-01", "2025-02-28/2025-02-28"),
    ],
)
def test_the_period_before_is_of_the_same_kind(text: str, before: str) -> None:
    assert Period.parse(text).before().text == before


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(["month", "quarter", "year"]))
def test_periods_follow_each_other_without_a_gap(day: date, every: str) -> None:
    period = Period.around(day, every)
    assert period.start <= day <= period.end
    assert (period.start - period.before().end).days == 1
    last = Period.last_whole(day, every)
    assert last.end <= day
    assert Period.around(day, every).end == day or last == period.before()
    assert period.days == (period.end - period.start).days + 1


def test_no_period_before_the_calendar() -> None:
    with pytest.raises(ParameterError, match="none before"):
        Period.parse("0001-01").before()
    with pytest.raises(ParameterError, match="month, quarter, year"):
        Period.around(date(2025, 1, 1), "week")
