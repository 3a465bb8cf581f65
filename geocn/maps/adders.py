"""What ``PlanningMap`` does to coverage results, period tables and rasters before drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray
from geocn.errors import CRSError, ParameterError, SchemaError
from geocn.maps import styles
from geocn.maps._text import plain_text
from geocn.maps.geometry import lonlat
from geocn.maps.layers import MapLayer, build, first_present, numeric, select
from geocn.maps.periods import parse_period
from geocn.maps.whatif import WhatIf, what_if

if TYPE_CHECKING:
    import xarray as xr

_MAX_CELLS = 20_000
#: An interval of a ratio that is wider than this factor is left out.
_SAYS_NOTHING = 1_000.0
_WEIGHTS = ("demand_weight", "gap_weight", "weight", "population", "people", "value", "area_ha")


def coverage_layers(
    result: Any,
    *,
    reaches: gpd.GeoDataFrame | None,
    weight: str | None,
    label: str | None,
    name: str | None,
) -> tuple[list[MapLayer], WhatIf | None, list[dict[str, Any]]]:
    """Return layers, switchable sites and the summary by partner of a coverage result."""
    demand, gaps = getattr(result, "demand", None), getattr(result, "gaps", None)
    if not isinstance(demand, pd.DataFrame):
        demand = None  # a raster is drawn by its gaps alone
    if isinstance(result, gpd.GeoDataFrame):
        return [build(result, "reach", name=name)], None, []
    if demand is None and gaps is None:
        raise ParameterError(
            f"add_coverage was given a {type(result).__name__}; give the result of "
            "geocn.coverage.assess or a GeoDataFrame of reaches."
        )
    added: list[MapLayer] = []
    if reaches is None:
        reaches = getattr(result, "reaches", None)
    if reaches is not None:
        added.append(build(reaches, "reach", name=None))
    switch = None
    if demand is not None:
        weight = _weight_column(demand, weight)
        demand = _weighed(demand, weight)
        added.append(build(demand, "coverage", name=name))
        added[-1].visible = None if gaps is None or not len(gaps) else False
        added[-1].labels = _labels(weight, result)
        if reaches is not None:
            drawn, areas = lonlat(demand, "demand"), lonlat(reaches, "reaches")
            column = "weight" if weight else None
            shown = label or getattr(result, "unit", None) or ""
            share = getattr(result, "share_covered", None)
            switch = what_if(
                drawn,
                areas,
                weight=column,
                label=plain_text(shown, limit=60) or None,
                exact=float(share) if share is not None and np.isfinite(share) else None,
                title=name,
            )
    if gaps is not None and len(gaps):
        column = _weight_column(gaps, weight)
        added.append(build(_weighed(gaps, column), "gaps", name=None))
        added[-1].labels = _labels(column, result)
    for one in added:
        one.about = name if one.kind != "coverage" else None
    return added, switch, _by_partner(getattr(result, "by_partner", None))


def _weight_column(frame: pd.DataFrame, weight: str | None) -> str | None:
    if weight is not None and weight in frame:
        return weight
    return first_present(frame, _WEIGHTS)


def _labels(column: str | None, result: Any) -> dict[str, str]:
    """Say what the weight of a demand measures: its own column, or what the analysis says."""
    unit = getattr(result, "unit", None)
    told = column if column not in {None, "weight", "demand_weight", "gap_weight"} else unit
    return {"weight": plain_text(told, limit=60)} if told else {}


def _weighed(frame: gpd.GeoDataFrame, column: str | None) -> gpd.GeoDataFrame:
    if column is None or column == "weight":
        return frame
    return frame.drop(columns=["weight"], errors="ignore").rename(columns={column: "weight"})


def _by_partner(table: Any) -> list[dict[str, Any]]:
    """Reduce a table by partner to its texts and finite numbers."""
    if not isinstance(table, pd.DataFrame) or not len(table):
        return []
    flat = table.reset_index() if table.index.name or "partner" not in table else table
    rows = []
    for record in flat.head(100).to_dict("records"):
        row: dict[str, Any] = {}
        for key, value in record.items():
            if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
                row[plain_text(key)] = float(value) if np.isfinite(value) else None
            elif value is not None and not pd.isna(value):
                row[plain_text(key)] = plain_text(value, limit=120)
        rows.append(row)
    return rows


def period_layer(
    frame: gpd.GeoDataFrame,
    *,
    value: str | None,
    period: str,
    area: str | None,
    name: str | None,
) -> MapLayer:
    """Return a layer of areas with one value a period."""
    layer = plain_text(name, limit=120) if name else "periods"
    drawn = lonlat(frame, layer)
    if period not in drawn:
        raise SchemaError(
            layer,
            found=f"no column {period!r}",
            expected="one row an area and period",
            repair="Name the column with period=.",
        )
    measure = value or first_present(drawn, ("value", "n_events", "weight_kg", "area_ha"))
    if (measure is None or measure not in drawn) and len(drawn):
        raise SchemaError(
            layer,
            found=f"no column {measure or 'of values'!r}",
            expected="a numeric column",
            repair="Name it with value=.",
        )
    key = area or first_present(drawn, ("cell_id", "admin_code", "segment_id", "name"))
    keys = drawn[key] if key else pd.Series(shapely.to_wkb(drawn.geometry.values), drawn.index)
    row, areas = pd.factorize(keys)
    which, entries = pd.factorize(drawn[period].astype(object), use_na_sentinel=False)
    parsed = [parse_period(entry, layer) for entry in entries]
    steps = sorted(set(parsed))
    place = {step: number for number, step in enumerate(steps)}
    column = np.array([place[step] for step in parsed], dtype=np.int64)[which]
    values = numeric(drawn, measure, layer) if measure else np.empty(0)
    matrix = np.full((len(areas), len(steps)), np.nan)
    known = (row >= 0) & np.isfinite(values)
    matrix[row[known], column[known]] = 0.0
    np.add.at(matrix, (row[known], column[known]), values[known])
    shapes = drawn[~pd.Series(row, drawn.index).duplicated() & (row >= 0)]
    shown = select(shapes, "periods", name=layer)
    measure = measure or "value"
    style = styles.class_style(measure, matrix.ravel(), "risk")
    built = MapLayer("periods", plain_text(name, limit=120) if name else None, shown, style, [])
    built.steps, built.matrix, built.measure = steps, matrix, plain_text(measure, limit=60)
    return built


def cultivation_frame(data: gpd.GeoDataFrame | xr.DataArray, name: str | None) -> gpd.GeoDataFrame:
    """Return polygons as they are, and a raster of hectares as its cells with any.

    A raster with more cells than a page can draw is summed into larger ones first.
    """
    if not hasattr(data, "rio") or isinstance(data, pd.DataFrame):
        return data
    raster = data.squeeze(drop=True)
    layer = name or "cultivation"
    if raster.ndim != 2 or data.rio.crs is None:
        raise CRSError(
            layer,
            found=f"a raster of {raster.ndim} dimensions and CRS {data.rio.crs}",
            expected="one band with a CRS",
            repair="Choose a band and set the CRS with .rio.write_crs(...).",
        )
    y, x = raster.dims
    factor = int(np.ceil(np.sqrt(raster.size / _MAX_CELLS)))
    if factor > 1:
        raster = raster.coarsen({x: factor, y: factor}, boundary="pad").sum()
    values = np.asarray(raster.values, dtype=float)
    xs, ys = (np.asarray(raster[dim].values, dtype=float) for dim in (x, y))
    dx = abs(xs[1] - xs[0]) / 2 if len(xs) > 1 else abs(float(data.rio.resolution()[0])) / 2
    dy = abs(ys[1] - ys[0]) / 2 if len(ys) > 1 else abs(float(data.rio.resolution()[1])) / 2
    row, column = np.nonzero(np.isfinite(values) & (values > 0))
    boxes = shapely.box(xs[column] - dx, ys[row] - dy, xs[column] + dx, ys[row] + dy)
    cells = pd.DataFrame({"area_ha": values[row, column]})
    return gpd.GeoDataFrame(cells, geometry=boxes, crs=data.rio.crs)


def busy_segments(frame: gpd.GeoDataFrame) -> BoolArray | None:
    """Say which border segments have any crossing or seizure; None where that is not said."""
    counts = [
        name for name in ("n_crossings", "n_seizures") if name in getattr(frame, "columns", ())
    ]
    if not counts:
        return None
    found = np.zeros(len(frame), dtype=bool)
    for name in counts:
        found |= np.nan_to_num(numeric(frame, name, "border_hotspots"), nan=1.0) > 0
    return found


def siting_frame(result: Any) -> gpd.GeoDataFrame:
    """Return the sites of a siting with what each adds, from its result or a frame of them."""
    if isinstance(result, gpd.GeoDataFrame):
        return result
    sites, gain = getattr(result, "sites", None), getattr(result, "marginal_gain", None)
    if not isinstance(sites, gpd.GeoDataFrame) or gain is None:
        raise ParameterError(
            f"add_siting was given a {type(result).__name__} whose sites have no place; give "
            "the result of geocn.coverage.locate over candidates with geometry."
        )
    told = gain[[name for name in gain.columns if name not in sites.columns]]
    shown = sites.reset_index(drop=True).join(told.reset_index(drop=True))
    return shown if shown["is_existing"].any() else shown.drop(columns="is_existing")


def change_frame(frame: gpd.GeoDataFrame, alpha: float) -> gpd.GeoDataFrame:
    """Return areas of change with ``change_class``.

    A table of changes, as a run writes it, has its classes already. Otherwise a change of
    counts is clear where ``p_adjusted`` is at most ``alpha``, and one of hectares where the
    survey says so itself (``uncertain`` is false); the class is then more, less or
    no_clear_change.
    """
    if "change_class" in frame:
        return _classed_change(frame, alpha)
    column = first_present(frame, ("change", "net_ha"))
    if column is None:
        if len(frame):
            raise SchemaError(
                "change",
                found=f"columns {', '.join(map(str, frame.columns[:12]))}",
                expected="a change: the result of evaluation.compare_periods, of "
                "cultivation.change, or a table of changes of a run",
            )
        return frame.assign(change_class=pd.Series(dtype="str"))
    values = numeric(frame, column, "change")
    clear = np.isfinite(values) & (values != 0)
    if "p_adjusted" in frame:
        clear &= numeric(frame, "p_adjusted", "change") <= alpha
    elif "uncertain" in frame:
        clear &= ~frame["uncertain"].fillna(value=False).to_numpy(dtype=bool)
    told = np.where(clear, np.where(values > 0, "more", "less"), "no_clear_change").astype(object)
    told[np.isnan(values)] = None
    return frame.assign(change_class=pd.Series(told, index=frame.index, dtype="str"))


def _classed_change(frame: gpd.GeoDataFrame, alpha: float) -> gpd.GeoDataFrame:
    """Return a table of changes as the map tells it: counts, ratios with their confidence."""
    classes = frame["change_class"]
    strange = classes.notna() & ~classes.isin(styles.CHANGE_CLASSES)
    if strange.any():
        raise SchemaError(
            "change",
            found=f"change_class = {str(classes[strange].iloc[0])[:40]!r}",
            expected=f"one of {', '.join(styles.CHANGE_CLASSES)}",
            rows=list(frame.index[strange]),
        )
    if "n_before" not in frame:
        return frame
    told = frame.drop(columns=["before", "after"], errors="ignore")
    told = told.rename(columns={"n_before": "before", "n_after": "after"})
    if {"ratio", "ratio_low", "ratio_high"} <= set(told.columns):
        low, high = (numeric(told, f"ratio_{end}", "change") for end in ("low", "high"))
        rate = numeric(told, "ratio", "change")
        # An interval from nothing to anything fills a line and says nothing.
        least = np.fmax(low, rate)
        wide = np.where(np.isfinite(high), (least > 0) & (high > least * _SAYS_NOTHING), ~(low > 0))
        for name, values in (("ratio", rate), ("ratio_low", low), ("ratio_high", high)):
            told[name] = np.where(wide, np.nan, values)
        told["confidence"] = 1 - alpha
    return told
