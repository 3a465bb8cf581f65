"""Texts that must stay texts in every slot of a map (FAULTS.md, P5)."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

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
