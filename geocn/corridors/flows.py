"""Flows that seizures tell of: from where to where, how much, and how much of it is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn.corridors.flows_legs import LEG_COLUMNS, find_legs
from geocn.corridors.flows_names import Level, NameReader
from geocn.errors import ParameterError, SchemaError
from geocn.harmonise.placeindex import PlaceIndex
from geocn.provenance import attach

Period = Literal["year", "quarter", "month"]

_LEVELS = ("country", "admin", "place")
_FORMATS = {"year": "%Y", "quarter": "", "month": "%Y-%m"}
# What a date must be known to, to fall into a period.
_TOO_COARSE = {"year": (), "quarter": ("year",), "month": ("year",)}
_ROLES = ("origin", "departure", "destination")


def flow_matrix(
    seizures: pd.DataFrame,
    *,
    level: Level = "country",
    by: Sequence[str] = ("drug", "mode", "period"),
    weight: str | None = "weight_kg",
    period: Period = "year",
    legs: Literal["each", "ends"] = "each",
    transit: str = "transit",
    places: gpd.GeoDataFrame | PlaceIndex | None = None,
) -> pd.DataFrame:
    """Tabulate the flows that seizures name, leg by leg.

    Each seizure is a chain of stops: origin, departure, transit stops, where it was seized,
    destination. What is not stated is passed over, stops that follow each other in one
    node are one, and every change of node is a leg. A seizure counts in each of its legs:
    the sum over a cut (into a country, say) is a flow, the sum over all legs is not a total.

    Parameters
    ----------
    seizures : DataFrame or GeoDataFrame
        As from :func:`geocn.read_seizures`. ``origin``, ``departure``, ``destination`` and
        the transit column are used where present, ``country`` (or coordinates, where it is
        not stated), ``admin``, ``place`` and ``admin_code`` say where it was seized.
    level : {"country", "admin", "place"}
        What a node is: an ISO 3166-1 alpha-3 code; "COL/Nariño"; the ``admin_code``, or
        else "COL/Nariño/Tumaco". Names in no table are kept as nodes and counted.
    by : sequence of str
        Columns that part the flows; "period" is the period of ``seized_at``.
    weight : str or None
        Column of kilograms to add up; None counts only.
    period : {"year", "quarter", "month"}
        A date that is known less finely has none, as has a row without date.
    legs : {"each", "ends"}
        Every leg, or one from the first stop that is known to the last.
    transit : str
        Column of stops on the way; a text may name several, in order, parted by ";",
        "|", "/", ">" or commas. Where it lists the place of the seizure, the stops behind
        it come after. A text in which no place is known gives none and is counted.
    places : GeoDataFrame or PlaceIndex, optional
        Areas or a gazetteer for names of places among origins, departures, transits and
        destinations; without it they can be countries only.

    Returns
    -------
    DataFrame
        ``from``, ``to``, ``leg`` (such as "departure-seizure"), ``how``, ``by``, ``n``
        seizures, ``n_guessed``, ``share_guessed``, and with ``weight`` ``n_weighed``, the
        weight (NaN where none is known) and ``share_weight_guessed``; ``first_seen``,
        ``last_seen``. ``how`` is "stated"; "intended" from the seizure on, which the
        seizure stopped; or "inferred" where a stop between is not stated. Guessed are
        inferred legs and those one end of which is a name in no table, known only to its
        country though more was asked, matched by its spelling, or read off coordinates.
        ``attrs["geocn"]``: every row by what became of it (``n_moving``, ``n_domestic``,
        ``n_one_stop``, ``n_nowhere``), ``n_departed_abroad`` (departure and country of the
        seizure both named, and not the same), ``unknown_names`` with their counts.

    Raises
    ------
    ParameterError
        Where an option is unknown.
    SchemaError
        Where columns are missing, a weight is negative, infinite or no number, or a date
        cannot be read.
    CRSError, CoordinateError
        Where coordinates must be used and have no CRS or lie nowhere on Earth.

    Examples
    --------
    >>> seizures = pd.DataFrame({"departure": ["Colombia", "Kolumbien"], "country": "Spain"})
    >>> flow_matrix(seizures, by=(), weight=None)[["from", "to", "n", "share_guessed"]].values
    array([['COL', 'ESP', 1, 0.0],
           ['Kolumbien', 'ESP', 1, 1.0]], dtype=object)
    """
    _check_options(level, period, legs, by)
    rows = _checked(seizures, by, weight, transit)
    index = PlaceIndex.from_frame(places) if isinstance(places, gpd.GeoDataFrame) else places
    found = find_legs(seizures, NameReader(level, index), transit=transit, ends=legs == "ends")
    if "period" in by:
        rows["period"] = _periods(rows, period)
    table = _table(found.legs.join(rows, on="row"), list(by), weight)
    return attach(
        table,
        "corridors.flow_matrix",
        level=level,
        by=list(by),
        weight=weight,
        period=period,
        legs=legs,
        transit=transit if transit in seizures else None,
        places=None if index is None else len(index.areas),
        crs=getattr(seizures, "crs", None),
        n_rows=len(seizures),
        n_without_period=int(rows["period"].isna().sum()) if "period" in by else None,
        **found.notes,
    )


def _check_options(level: str, period: str, legs: str, by: Sequence[str]) -> None:
    faults = []
    if level not in _LEVELS:
        faults.append(f"level {level!r}; choose one of {', '.join(_LEVELS)}")
    if period not in _FORMATS:
        faults.append(f"period {period!r}; choose one of {', '.join(_FORMATS)}")
    if legs not in ("each", "ends"):
        faults.append(f"legs {legs!r}; choose 'each' or 'ends'")
    if isinstance(by, str) or len(set(by)) != len(by):
        faults.append(f"by is {by!r}; give different columns in a tuple or list")
    if faults:
        raise ParameterError("; ".join(faults))


def _checked(
    seizures: pd.DataFrame, by: Sequence[str], weight: str | None, transit: str
) -> pd.DataFrame:
    """Collect what legs are grouped and summed by, by position; all faults in one error."""
    wanted = [name for name in by if name != "period"]
    wanted += ["seized_at"] if "period" in by else []
    wanted += [] if weight is None else [weight]
    faults = [f"no column {name}" for name in wanted if name not in seizures]
    if not any(name in seizures for name in (*_ROLES, transit)):
        faults.append(f"none of {', '.join(_ROLES)} and {transit}")
    rows = pd.DataFrame({name: seizures[name] for name in by if name in seizures})
    bad = np.zeros(len(seizures), dtype=bool)
    dates = seizures["seized_at"] if "seized_at" in seizures else pd.Series(None, seizures.index)
    try:
        rows["seized_at"] = pd.to_datetime(dates, utc=True).astype("datetime64[us, UTC]")
    except (TypeError, ValueError) as error:
        faults.append(f"seized_at that cannot be read ({error})")
    if "date_precision" in seizures:
        rows["date_precision"] = seizures["date_precision"]
    if weight is not None and weight in seizures:
        try:
            kilograms = seizures[weight].astype("float64").to_numpy()
            bad = (kilograms < 0) | np.isinf(kilograms)
            rows["weight"] = kilograms
        except (TypeError, ValueError) as error:
            faults.append(f"{weight} that is no number ({error})")
    if bad.any():
        faults.append(f"{bad.sum()} weights that are negative or infinite")
    if faults:
        raise SchemaError(
            "seizures",
            found="; ".join(faults),
            expected="seizures that name where they came from, with kilograms of 0 or more",
            repair="Read the file with geocn.read_seizures, name other columns in by= and "
            "weight= (weight=None counts only), or correct these rows.",
            rows=list(seizures.index[bad]),
        )
    for name in ("drug", "mode"):
        if name in rows:
            rows[name] = rows[name].astype("str").where(rows[name].notna(), None).astype("str")
    return rows.reset_index(drop=True)


def _periods(rows: pd.DataFrame, period: str) -> pd.Series:
    dates = rows["seized_at"]
    if period == "quarter":
        label = dates.dt.strftime("%Y") + "Q" + dates.dt.quarter.astype("str").str[:1]
    else:
        label = dates.dt.strftime(_FORMATS[period])
    known = dates.notna()
    if "date_precision" in rows:
        known &= ~rows["date_precision"].isin(list(_TOO_COARSE[period]))
    labels: pd.Series = label.where(known, None).astype("str")
    return labels


def _table(legs: pd.DataFrame, by: list[str], weight: str | None) -> pd.DataFrame:
    """One row a flow."""
    keys = [*LEG_COLUMNS, *by]
    if weight is not None:
        legs["weight_guessed"] = legs["weight"].where(legs["is_guessed"], 0.0 * legs["weight"])
    groups = legs.groupby(keys, sort=True, dropna=False)
    table = pd.DataFrame(
        {"n": groups.size().astype("int64"), "n_guessed": groups["is_guessed"].sum()}
    ).astype("int64")
    table["share_guessed"] = table["n_guessed"] / table["n"]
    if weight is not None:
        table["n_weighed"] = groups["weight"].count().astype("int64")
        total = groups["weight"].sum(min_count=1).astype("float64")
        table[weight] = total
        guessed = groups["weight_guessed"].sum(min_count=1).astype("float64")
        table["share_weight_guessed"] = guessed / total.where(total > 0)
    table["first_seen"] = groups["seized_at"].min()
    table["last_seen"] = groups["seized_at"].max()
    table = table.reset_index()
    return table.astype({name: legs[name].dtype for name in keys})
