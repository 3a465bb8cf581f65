"""What each kind of layer shows: which columns may enter the file, how it looks, how it ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn import _palette
from geocn._typing import FloatArray
from geocn.errors import SchemaError
from geocn.maps import styles
from geocn.maps._text import plain_text
from geocn.maps.columns import kind_of, numbers, texts
from geocn.maps.encoding import encode_rows
from geocn.maps.geometry import lonlat
from geocn.maps.packing import Pack
from geocn.maps.periods import Spans, event_spans, interval_spans, year_spans
from geocn.maps.recipes import RECIPES

#: A seizure known no better than this is drawn hollow, in metres.
IMPRECISE_M = 5_000.0
_MAX_SCORE = 200


@dataclass
class MapLayer:
    """One layer of a map, ready for the page and for folium."""

    kind: str
    name: str | None
    frame: gpd.GeoDataFrame
    style: dict[str, Any]
    rank: list[str]
    spans: Spans | None = None
    size: dict[str, Any] | None = None
    steps: list[tuple[int, int]] = field(default_factory=list)
    matrix: FloatArray | None = None
    measure: str | None = None
    visible: bool | None = None
    left_out: int = 0
    about: str | None = None
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def n_missing(self) -> int:
        """Rows without a geometry that can be drawn."""
        return int(shapely.is_missing(self.frame.geometry.values).sum())

    @property
    def columns(self) -> list[str]:
        """Names of the columns that enter the file."""
        return [name for name in self.frame.columns if name != "geometry"]

    def encode(self, number: int, pack: Pack) -> dict[str, Any]:
        """Put the layer into ``pack`` and return its description for the header."""
        header: dict[str, Any] = {
            "id": f"layer-{number}",
            "kind": self.kind,
            "name": self.name,
            "n": len(self.frame),
            "missing": self.n_missing,
            "left_out": self.left_out,
            "order": RECIPES[self.kind].order,
            "visible": self.visible is not False,
            "about": self.about,
            "labels": self.labels,
            "style": self.style,
            "size": self.size,
            "rank": self.rank,
            **encode_rows(self.frame, self.spans, self.matrix, pack),
        }
        if self.matrix is not None:
            header["steps"] = [list(step) for step in self.steps]
            header["measure"] = self.measure
        return header


def select(
    frame: gpd.GeoDataFrame, kind: str, *, name: str | None, columns: Sequence[str] = ()
) -> gpd.GeoDataFrame:
    """Return the frame in EPSG:4326 with only the columns that this kind of layer shows.

    Raises
    ------
    SchemaError
        Where one of the extra ``columns`` is not there, or the frame is no layer.
    """
    layer = name or kind
    drawn = lonlat(frame, layer)
    missing = [column for column in columns if column not in drawn]
    if missing:
        raise SchemaError(
            layer,
            found=f"no column {', '.join(map(str, missing))}",
            expected="every name in columns=",
            repair=f"Choose from {', '.join(map(str, drawn.columns[:20]))}.",
        )
    recipe = RECIPES[kind]
    allowed = (*recipe.columns, *recipe.source_columns, *columns)
    kept = [column for column in dict.fromkeys(allowed) if column in drawn]
    shown = [column for column in kept if column in columns or drawn[column].notna().any()]
    return gpd.GeoDataFrame(drawn[[*shown, "geometry"]], geometry="geometry", crs="EPSG:4326")


def numeric(frame: pd.DataFrame, column: str, layer: str) -> FloatArray:
    """Return a column as numbers.

    Raises
    ------
    SchemaError
        Where it holds something else.
    """
    values = frame[column]
    if kind_of(values) != "number" and values.notna().any():
        wrong = pd.to_numeric(values, errors="coerce").isna() & values.notna()
        if wrong.any():
            raise SchemaError(
                layer,
                found=f"{column} = {str(values[wrong].iloc[0])[:40]!r}",
                expected="numbers",
                rows=list(values.index[wrong]),
                repair="Convert the column with pandas.to_numeric.",
            )
    return numbers(values)


def first_present(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """Return the first of ``names`` that the frame has with at least one value."""
    return next((name for name in names if name in frame and frame[name].notna().any()), None)


def build(
    frame: gpd.GeoDataFrame, kind: str, *, name: str | None, columns: Sequence[str] = ()
) -> MapLayer:
    """Return the layer of ``kind`` for a frame: columns chosen, styled, ranked and dated."""
    drawn = select(frame, kind, name=name, columns=columns)
    layer = name or kind
    for column in RECIPES[kind].rank:
        if column in drawn:
            drawn[column] = numeric(drawn, column, layer)
    rank = [column for column in RECIPES[kind].rank if column in drawn]
    styled = _STYLES.get(kind, _plain)(drawn, rank)
    size = None
    if kind == "seizures" and "weight_kg" in drawn:
        size = styles.size_style("weight_kg", numbers(drawn["weight_kg"]))
    about = _score(frame) if kind == "corridors" else None
    spans = _spans(frame, kind)
    return MapLayer(kind, name, drawn, styled, rank, spans=spans, size=size, about=about)


def _score(frame: pd.DataFrame) -> str | None:
    """How well the corridors did on routes held out, as ``corridors.with_score`` put it."""
    found: Any = frame.attrs
    for key in ("geocn", "validation", "legend"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return plain_text(found, limit=_MAX_SCORE) if isinstance(found, str) else None


def _spans(frame: pd.DataFrame, kind: str) -> Spans | None:
    if kind == "seizures":
        return event_spans(frame, "seized_at", "date_precision")
    if kind in {"routes", "corridors"}:
        return interval_spans(frame, "first_seen", "last_seen")
    if kind == "interventions":
        return interval_spans(frame, "starts_on", "ends_on")
    return year_spans(frame) if kind == "cultivation" else None


def _plain(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    return {"by": "single", "color": _palette.CATEGORIES[0]}


def _hotspots(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    if "hotspot_class" in frame:
        return styles.hotspot_style(texts(frame["hotspot_class"]))
    return _classes(frame, rank, "risk")


def _border(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    if first_present(frame, ("hotspot_class",)):
        return styles.border_style(texts(frame["hotspot_class"]))
    return _classes(frame, rank, "risk", line=True)


def _corridors(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    lines = bool((shapely.get_type_id(frame.geometry.values) % 4 == 1).any())
    if "tolerance" in frame:
        values = numbers(frame["tolerance"])
        levels = sorted(set(values[np.isfinite(values)]))[:5]
        picks = np.round(np.linspace(4, 1, len(levels))).astype(int)
        return {
            "by": "step",
            "column": "tolerance",
            "steps": [float(level) for level in levels],
            "colors": [styles.SEQUENTIAL["flow"][pick] for pick in picks],
        }
    if "cost" in frame and "weight_kg" not in frame:
        return {"by": "single", "color": styles.SEQUENTIAL["flow"][4]}
    return _classes(frame, rank, "flow", line=lines)


def _classes(
    frame: gpd.GeoDataFrame, rank: list[str], palette: str, *, line: bool = False
) -> dict[str, Any]:
    measure = first_present(frame, rank)
    if measure is None:
        return _plain(frame, rank)
    return styles.class_style(measure, numbers(frame[measure]), palette, line=line)


def _routes(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    if "mode" not in frame:
        return {"by": "single", "color": "#3b4754"}
    return styles.category_style("mode", texts(frame["mode"]), line=True, slots=styles.MODE_SLOTS)


def _seizures(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    column = first_present(frame, ("drug", "drug_reported"))
    if column is None:
        return _plain(frame, rank)
    return styles.category_style(column, texts(frame[column]), slots=styles.DRUG_SLOTS)


def _interventions(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    column = first_present(frame, ("partner_type", "kind", "partner"))
    if column is None:
        return {"by": "single", "color": _palette.CATEGORIES[2], "shape": "square"}
    levels = texts(frame[column])
    return (
        styles.partner_style(levels)
        if column == "partner_type"
        else styles.category_style(column, levels)
    )


def _reach(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    if "partner_type" in frame:
        return styles.partner_style(texts(frame["partner_type"]))
    return {"by": "single", "color": "#00795a"}


def _coverage(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    if "n_partners" not in frame:
        return {"by": "single", "color": styles.SEQUENTIAL["gap"][3]}
    return {
        "by": "step",
        "column": "n_partners",
        "steps": [0.0, 1.0, 2.0, 3.0],
        "colors": ["#d95f0e", "#cfe8df", "#66b795", "#1b7a5a"],
        "open_end": True,
    }


def _change(frame: gpd.GeoDataFrame, rank: list[str]) -> dict[str, Any]:
    lines = bool((shapely.get_dimensions(frame.geometry.values) == 1).any())
    return styles.change_style(texts(frame["change_class"]), line=lines)


_STYLES: Mapping[str, Callable[[gpd.GeoDataFrame, list[str]], dict[str, Any]]] = {
    "hotspots": _hotspots,
    "border_hotspots": _border,
    "corridors": _corridors,
    "routes": _routes,
    "seizures": _seizures,
    "interventions": _interventions,
    "reach": _reach,
    "coverage": _coverage,
    "siting": lambda frame, rank: styles.siting_style(),
    "annotations": lambda frame, rank: styles.annotation_style(),
    "change": _change,
    "cultivation": lambda frame, rank: _classes(frame, rank, "crop"),
    "gaps": lambda frame, rank: _classes(frame, rank, "gap"),
}
