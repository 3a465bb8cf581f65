"""Pictures of results for a notebook or a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from geocn._optional import require
from geocn._palette import COLD, HOT, NEUTRAL, QUIET_LINE, RISK, UNKNOWN
from geocn.errors import ParameterError
from geocn.provenance import KEY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Columns that say what a row is, the first that is there is drawn.
_CLASSES = ("hotspot_class", "emerging_class", "is_alert")
#: Columns of an amount to draw where no class is there.
_AMOUNTS = ("density_per_m", "expected_events", "effort", "n_events", "n_crossings")
_TOLD = {
    "inference": "inference",
    "method_option": "method",
    "kernel": "kernel",
    "bandwidth_m": "bandwidth m",
    "alpha": "alpha",
    "correction": "correction",
    "seed": "seed",
}


def plot(
    result: gpd.GeoDataFrame | pd.DataFrame | xr.DataArray | xr.Dataset,
    *,
    column: str | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw any result of this room as it is meant to be read.

    Areas and border segments are coloured by their class (hot, cold, pattern of emergence,
    alert), densities and counts by amount, Knox tables as a heat table with stars where
    significant, scores of forecasts as bars. What was done stands below the title.

    Parameters
    ----------
    result : GeoDataFrame, DataFrame, DataArray or Dataset
        From a function of :mod:`geocn.hotspots`; not changed.
    column : str, optional
        Draw this column instead of the one that the analysis is about.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    title : str, optional
        By default the name of the analysis.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingDependencyError
        Where matplotlib is not installed (``pip install 'geocn[plot]'``).
    ParameterError
        Where the result has nothing that could be drawn.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geocn.hotspots import getis_ord
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(5) for x in range(5)]
    >>> grid = gpd.GeoDataFrame({"n": [9, 9] + [0] * 23}, geometry=cells, crs=6933)
    >>> plot(getis_ord(grid, "n", neighbours="queen")).get_title()
    'getis_ord of n'
    """
    pyplot = require("matplotlib.pyplot", extra="plot")
    axis = pyplot.subplots(figsize=(8, 6), layout="constrained")[1] if ax is None else ax
    record = result.attrs.get(KEY, {})
    _drawer(result, column)(axis, result, column)
    axis.set_title(title if title is not None else _name(record), pad=16)
    above: dict[str, Any] = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center"}
    axis.annotate(_told(record), (0.5, 1), xycoords="axes fraction", size=7, color="0.35", **above)
    return axis


def _drawer(result: Any, column: str | None) -> Callable[[Axes, Any, str | None], None]:
    if isinstance(result, (xr.DataArray, xr.Dataset)):
        return _raster if {"x", "y"} <= set(result.dims) else _series
    if isinstance(result, gpd.GeoDataFrame):
        return _areas
    if column is None and isinstance(result, pd.DataFrame):
        if "knox_ratio" in result:
            return _knox
        if "hit_rate" in result:
            return _scores
        if "expected_g" in result:
            return _global
    columns = ", ".join(map(str, getattr(result, "columns", [])))
    raise ParameterError(
        f"a {type(result).__name__} with columns {columns} cannot be drawn; "
        "pass a result of geocn.hotspots"
    )


def _name(record: Mapping[str, Any]) -> str:
    method = str(record.get("method", "")).rpartition(".")[2]
    value = record.get("value")
    return f"{method} of {value}" if value else method


def _told(record: Mapping[str, Any]) -> str:
    """One line that says what was done: options, number of tests, version."""
    parts = [
        f"{label} {_short(record[name])}"
        for name, label in _TOLD.items()
        if record.get(name) is not None
    ]
    if record.get("n_tests") is not None:
        parts.append(f"{record['n_tests']:,} tests")
    version = record.get("versions", {}).get("geocn")
    return " · ".join([*parts, f"geocn {version}"] if version else parts)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _areas(axis: Axes, frame: gpd.GeoDataFrame, column: str | None) -> None:
    axis.set_axis_off()
    axis.set_aspect("equal")
    shown = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    if shown.empty:
        axis.annotate("no rows", (0.5, 0.5), xycoords="axes fraction", ha="center")
        return
    if shown.crs is not None and shown.crs.is_geographic:
        middle = np.deg2rad(shown.total_bounds[[1, 3]].mean())
        axis.set_aspect(1 / max(np.cos(middle), 0.1))
    if "log_likelihood_ratio" in shown and column is None:
        _clusters(axis, shown)
        return
    name = column or next((c for c in (*_CLASSES, *_AMOUNTS) if c in shown), None)
    if name is None:
        shown.plot(ax=axis, facecolor="none", edgecolor=QUIET_LINE, linewidth=0.6, aspect=None)
    elif pd.api.types.is_numeric_dtype(shown[name]) and shown[name].dtype != bool:
        _amounts(axis, shown, name)
    else:
        _classed(axis, shown, name)


def _amounts(axis: Axes, frame: gpd.GeoDataFrame, name: str) -> None:
    colors = require("matplotlib.colors", extra="plot")
    scale = colors.LinearSegmentedColormap.from_list("risk", [NEUTRAL, *RISK])
    style: dict[str, Any] = {"linewidth": 2.5} if _are_lines(frame) else {}
    values = frame.assign(**{name: frame[name].astype(float)})
    top, usual = values[name].max(), values[name].median()
    # A few large amounts would leave all others in one colour.
    if values[name].min() >= 0 and top > 20 * usual:
        style["norm"] = colors.PowerNorm(0.35, vmin=0, vmax=top)
    values.plot(
        name,
        ax=axis,
        cmap=scale,
        legend=True,
        aspect=None,
        missing_kwds={"color": UNKNOWN},
        legend_kwds={"label": name.replace("_", " "), "shrink": 0.7},
        **style,
    )


def _classed(axis: Axes, frame: gpd.GeoDataFrame, name: str) -> None:
    lines = require("matplotlib.lines", extra="plot")
    labels = frame[name].astype("str").replace({"True": "alert", "False": "no alert"})
    lineal = _are_lines(frame)
    handles = []
    for label in sorted(labels.unique(), key=_order):
        color = _color(label)
        part = frame[(labels == label).to_numpy()]
        quiet = color in (NEUTRAL, UNKNOWN)
        if lineal:
            look = {"color": QUIET_LINE if quiet else color, "linewidth": 0.7 if quiet else 3}
        else:
            look = {"color": color, "edgecolor": "white", "linewidth": 0.2}
        part.plot(ax=axis, aspect=None, **look)
        text = f"{label.replace('_', ' ')} ({len(part):,})"
        shape = {} if lineal else {"marker": "s", "linestyle": "none", "markersize": 9}
        handles.append(lines.Line2D([], [], color=look["color"], label=text, **shape))
    axis.legend(handles=handles, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _are_lines(frame: gpd.GeoDataFrame) -> bool:
    return bool((shapely.get_dimensions(frame.geometry.to_numpy()) == 1).all())


def _order(label: str) -> tuple[int, str]:
    """Quiet classes first, so that what stands out is drawn over them."""
    return (0 if _color(label) in (NEUTRAL, UNKNOWN) else 1, label)


#: Classes whose name says neither hot nor cold.
_NAMED = MappingProxyType(
    {
        "high_high": HOT[2],
        "high_low": HOT[1],
        "low_low": COLD[2],
        "low_high": COLD[1],
        "alert": HOT[2],
        "no alert": NEUTRAL,
    }
)
_STRONG = ("new", "consecutive", "intensifying", "persistent", "hot", "cold")


def _color(label: str) -> str:
    if label in _NAMED:
        return _NAMED[label]
    pattern, _, side = label.rpartition("_")
    shades = {"hot": HOT, "cold": COLD}.get(side)
    if shades is None:
        return UNKNOWN if label.startswith("no_") else NEUTRAL
    return shades[2] if (pattern or side) in _STRONG else shades[1]


def _clusters(axis: Axes, frame: gpd.GeoDataFrame) -> None:
    sure = (frame["p_value"] <= frame.attrs.get(KEY, {}).get("alpha", 0.05)).to_numpy()
    for part, color, width in ((frame[~sure], QUIET_LINE, 1.0), (frame[sure], HOT[2], 2.0)):
        if len(part):
            areal = shapely.get_dimensions(part.geometry.to_numpy()).max() == 2
            drawn = part.boundary if areal else part.geometry
            drawn.plot(ax=axis, color=color, linewidth=width, markersize=12, aspect=None)
    points = frame.geometry.representative_point()
    for rank, (row, point) in enumerate(zip(frame.itertuples(), points, strict=True), start=1):
        text = f"{rank}: ×{row.relative_risk:.2g}, p {row.p_value:.2g}"
        axis.annotate(text, (point.x, point.y), size=8, ha="center")


def _raster(axis: Axes, data: xr.DataArray | xr.Dataset, column: str | None) -> None:
    colors = require("matplotlib.colors", extra="plot")
    array = data[column or next(iter(data.data_vars))] if isinstance(data, xr.Dataset) else data
    scale = colors.LinearSegmentedColormap.from_list("risk", ["white", *RISK])
    label = str(array.attrs.get("units", array.name or "density"))
    array.plot.imshow(ax=axis, x="x", y="y", cmap=scale, cbar_kwargs={"label": label})
    axis.set_aspect("equal")
    axis.set_axis_off()


def _series(axis: Axes, data: xr.DataArray | xr.Dataset, column: str | None) -> None:
    """Draw the sum over all areas, step by step; a step that has not ended is grey."""
    array = data[column or "n_events"] if isinstance(data, xr.Dataset) else data
    total = array.sum([dim for dim in array.dims if dim != "time"])
    labels = [text[:10] for text in total["time"].to_numpy().astype(str)]
    color: str | list[str] = RISK[2]
    if isinstance(data, xr.Dataset) and "incomplete" in data:
        color = [UNKNOWN if cut else RISK[2] for cut in data["incomplete"].to_numpy()]
    axis.bar(range(len(labels)), total.to_numpy(), color=color)
    step = max(1, len(labels) // 12)
    axis.set_xticks(range(0, len(labels), step), labels[::step], rotation=45, ha="right", size=8)
    axis.set_ylabel(str(array.name).replace("_", " "))


def _knox(axis: Axes, table: pd.DataFrame, _: str | None) -> None:
    colors = require("matplotlib.colors", extra="plot")
    rows, columns = (table.index.unique(level) for level in table.index.names)
    ratio = table["knox_ratio"].to_numpy().reshape(len(rows), len(columns))
    sure = (table["p_value"] <= 0.05).to_numpy().reshape(ratio.shape)
    scale = colors.LinearSegmentedColormap.from_list("knox", [COLD[2], "white", HOT[2]])
    image = axis.imshow(ratio, cmap=scale, norm=colors.CenteredNorm(1.0), aspect="auto")
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_xlabel("days between")
    axis.set_ylabel("metres between")
    for (i, j), value in np.ndenumerate(ratio):
        axis.annotate(
            f"{value:.2f}{'*' if sure[i, j] else ''}", (j, i), ha="center", va="center", size=8
        )
    axis.figure.colorbar(image, ax=axis, label="observed ÷ expected (* p ≤ 0.05)", shrink=0.7)


def _scores(axis: Axes, table: pd.DataFrame, _: str | None) -> None:
    names = [name for name in ("hit_rate", "pai", "pei", "rri") if name in table]
    by = table.groupby("method")[names] if "method" in table else table[names].groupby(table.index)
    by.mean().T.plot.bar(ax=axis, rot=0)
    axis.set_ylabel("mean over origins")


def _global(axis: Axes, table: pd.DataFrame, _: str | None) -> None:
    """Draw the observed value beside what chance would give, give or take two deviations."""
    row = table.iloc[0]
    deviation = np.sqrt(row["variance_g"])
    axis.errorbar([row["expected_g"]], [0], xerr=2 * deviation, fmt="o", color=QUIET_LINE)
    axis.plot([row["g"]], [0], "D", color=HOT[2])
    axis.annotate(f"G, p = {row['p_value']:.2g}", (row["g"], 0.2), ha="center", size=8)
    axis.annotate("by chance", (row["expected_g"], -0.4), ha="center", size=8, color="0.35")
    axis.set_ylim(-1, 1)
    axis.set_yticks([])
