"""Texts that must stay texts in every slot of a map (FAULTS.md, P5)."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely

HOSTILE = (
    '<img src=x onerror="window.__pwned=1">'
    "</script><script>window.__pwned=2</script>"
    "`${window.__pwned=3}`"
    "{{7*7}}{% raw %}"
    "javascript:window.__pwned=4"
    "\"' onmouseover='window.__pwned=5"
    "<!--<svg/onload=window.__pwned=6>"
    "\u202egnp.exe\x00\ud800"
    '=HYPERLINK("http://example.invalid")'
)


def poisoned(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the frame with every text column hostile, geometry and numbers untouched."""
    result = frame.copy()
    for name in result.columns:
        if name in ("geometry", "marking", "date_precision"):
            continue
        if str(result[name].dtype) in ("str", "object"):
            result[name] = pd.Series(
                [f"{HOSTILE} {k % 4}" for k in range(len(result))], index=result.index, dtype=object
            )
    return result


def worst(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the frame with NaN in every numeric column, long texts, and a point at each edge.

    The first row has no number at all; texts of the second have 10,000 characters; points
    lie at the antimeridian and the poles.
    """
    result = frame.copy()
    for name in result.columns.drop("geometry"):
        if name not in ("marking", "date_precision") and len(result) > 1:
            if pd.api.types.is_numeric_dtype(result[name]):
                result[name] = result[name].astype(float)
                result.iloc[0, result.columns.get_loc(name)] = float("nan")
            elif str(result[name].dtype) in ("str", "object"):
                result[name] = result[name].astype(object)
                result.iloc[1, result.columns.get_loc(name)] = "x" * 10_000
    edges = [(180, 0), (-180, 0), (0, 90), (0, -90), (180, 90), (-180, -90)]
    if len(result) > len(edges) and (result.geom_type == "Point").all():
        places = result.geometry.to_numpy().copy()
        places[: len(edges)] = shapely.points(edges)
        result = result.set_geometry(gpd.GeoSeries(places, index=result.index, crs=result.crs))
    return result
