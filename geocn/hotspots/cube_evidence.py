"""What a cube says beside its counts: exposure, imputations, and how sure it is."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import LayerError, SchemaError
from geocn.hotspots.empirical_bayes import rate_columns, shrunken_rates
from geocn.hotspots.values import numeric_column, refuse_rows


def rows_of(cube: xr.Dataset, areas: gpd.GeoDataFrame) -> AnyArray:
    """Rows of the cube in the order of the frame, which must be of the same areas."""
    held, wanted = pd.Index(cube["area"].to_numpy()), areas.index
    if wanted.dtype.kind not in "iuf":
        held, wanted = held.astype("str"), wanted.astype("str")
    unmatched = ~wanted.isin(held)
    if unmatched.any() or len(held) != len(wanted) or not wanted.is_unique:
        raise LayerError(
            "cube",
            found=f"{len(held)} areas, not those of the frame",
            expected=f"the {len(areas)} labels of the frame's index, each once",
            repair="Give the areas that the cube was made with.",
            rows=list(areas.index[unmatched]),
        )
    rows: AnyArray = held.get_indexer(wanted)
    return rows


def imputations_of(cube: xr.Dataset, areas: gpd.GeoDataFrame, value: str) -> list[FloatArray]:
    """Values of each imputation by area and time; none where nothing was spread."""
    name = f"{value}_imputed"
    if name not in cube:
        return []
    ordered = cube[name].transpose("imputation", "area", "time").to_numpy()
    return [one.astype(float) for one in ordered[:, rows_of(cube, areas)]]


def exposure_of(
    cube: xr.Dataset, areas: gpd.GeoDataFrame, exposure: str, counts: FloatArray, valid: BoolArray
) -> FloatArray:
    """Exposure by area and time, from the cube or for each step from the areas.

    Raises
    ------
    SchemaError
        Where neither has it.
    LayerError
        Where it is negative, infinite, or 0 where events are.
    """
    rows = rows_of(cube, areas)
    if exposure in cube:
        if not {"area"} <= set(cube[exposure].dims) <= {"area", "time"}:
            raise SchemaError("cube", found=f"{exposure} not by area", expected="area and time")
        data = (
            cube[exposure].broadcast_like(cube["n_events"])
            if "n_events" in cube
            else cube[exposure]
        )
        held = data.transpose("area", "time").to_numpy().astype(float)[rows]
    else:
        column = numeric_column(areas, exposure, analysis="emerging_hotspots")
        held = np.repeat(column[:, None], counts.shape[1], axis=1)
        if "share_observed" in cube:
            held = held * cube["share_observed"].transpose("area", "time").to_numpy()[rows]
    with np.errstate(invalid="ignore"):
        bad = np.isinf(held) | (held < 0) | ((held == 0) & (counts > 0) & valid)
    refuse_rows(
        areas,
        bad.any(axis=1),
        analysis="emerging_hotspots",
        found=f"{exposure} negative, infinite, or 0 where events are",
        expected="exposure of 0 or more, above 0 where events are",
    )
    return np.asarray(np.nan_to_num(held), dtype=float)


def evidence_columns(
    cube: xr.Dataset,
    areas: gpd.GeoDataFrame,
    counts: FloatArray,
    valid: BoolArray,
    *,
    held: FloatArray | None,
    missing: FloatArray | None,
) -> dict[str, Any]:
    """Columns of rates under exposure, and of what hangs on unknown places."""
    columns: dict[str, Any] = {}
    observed = np.where(valid, counts, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        if held is not None:
            exposed = np.where(valid, held, 0.0).sum(axis=1)
            expected = exposed * (observed.sum() / exposed.sum())
            shrunk = shrunken_rates(observed, exposed)
            columns |= rate_columns(observed, exposed, expected=expected, rate_eb=shrunk)
        if missing is not None:
            known = ~np.isnan(missing)
            columns["fraction_missing"] = np.nansum(missing, axis=1) / known.sum(axis=1)
        if missing is not None and {"n_imprecise", "n_events"} <= set(cube):
            vague, every = (
                cube[name].sum("time").to_numpy()[rows_of(cube, areas)]
                for name in ("n_imprecise", "n_events")
            )
            columns["imprecise_share"] = vague / every
    return columns
