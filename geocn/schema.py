"""What a layer is: the only source of canonical columns, their kinds and their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import geopandas as gpd
import pandas as pd

from geocn.errors import ParameterError, SchemaError

Kind = Literal["text", "number", "integer", "date", "flag"]
LayerName = Literal["routes", "seizures", "cultivation", "interventions", "borders", "annotations"]

#: pandas dtype of each kind of column. Dates are instants in UTC; how much of them is
#: known stands in a ``date_precision`` column where a layer has one.
DTYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "text": "str",
        "number": "float64",
        "integer": "Int64",
        "date": "datetime64[us, UTC]",
        "flag": "boolean",
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column: its name (with the unit in it), kind and meaning."""

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class LayerSchema:
    """One layer: its columns in order, the geometry it may carry, and its id column."""

    name: LayerName
    id_column: str
    geometry_types: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the canonical columns, in order, without the geometry."""
        return tuple(column.name for column in self.columns)

    @property
    def dtypes(self) -> dict[str, str]:
        """The pandas dtype of each canonical column."""
        return {column.name: DTYPES[column.kind] for column in self.columns}


COMMON = (
    Column("source", "text", "who reported the row: a partner, an agency, a file"),
    Column("marking", "text", "TLP 2.0 label of the row"),
    Column("releasable_to", "text", "partners the row may be released to, separated by ';'"),
    Column(
        "reliability", "text", "reliability of the source, A (reliable) to F (cannot be judged)"
    ),
    Column(
        "credibility", "text", "credibility of the report, 1 (confirmed) to 6 (cannot be judged)"
    ),
)

_POINT = ("Point", "MultiPoint")
_LINE = ("LineString", "MultiLineString")
_AREA = ("Polygon", "MultiPolygon")

_ROUTES = LayerSchema(
    "routes",
    "route_id",
    _LINE,
    (
        Column("route_id", "text", "identifier within its source"),
        Column("mode", "text", "road, river, sea, air, foot, rail or tunnel"),
        Column("drug", "text", "canonical drug of the taxonomy"),
        Column("weight_kg", "number", "mass moved along the route in kilograms"),
        Column("first_seen", "date", "first report"),
        Column("last_seen", "date", "last report"),
        Column("n_sources", "integer", "number of independent sources"),
        Column("location_precision_m", "number", "how far the line may lie from the truth"),
        *COMMON,
    ),
)

_SEIZURES = LayerSchema(
    "seizures",
    "seizure_id",
    (*_POINT, *_AREA),
    (
        Column("seizure_id", "text", "identifier within its source"),
        Column(
            "seized_at", "date", "when, in UTC; start of the month or year where only that is known"
        ),
        Column("date_precision", "text", "time, day, month or year"),
        Column("drug", "text", "canonical drug of the taxonomy"),
        Column("drug_reported", "text", "the drug as the source names it"),
        Column("quantity", "number", "amount in the unit that was reported"),
        Column("unit", "text", "canonical unit of the amount"),
        Column("unit_reported", "text", "the unit as the source names it"),
        Column("weight_kg", "number", "mass in kilograms where the conversion is sure"),
        Column("origin", "text", "country or place of origin"),
        Column("departure", "text", "country or place of departure"),
        Column("destination", "text", "country or place of destination"),
        Column("mode", "text", "road, river, sea, air, foot, rail, post or tunnel"),
        Column("location_precision_m", "number", "radius within which the seizure lies"),
        Column("country", "text", "country as reported"),
        Column("admin", "text", "first-level division as reported"),
        Column("place", "text", "place as reported"),
        Column("admin_code", "text", "code of the area it was matched to"),
        Column("place_match", "text", "code, name, fuzzy, parent, coordinates or none"),
        *COMMON,
    ),
)

_CULTIVATION = LayerSchema(
    "cultivation",
    "field_id",
    _AREA,
    (
        Column("field_id", "text", "identifier of the field or area"),
        Column("crop", "text", "coca, opium_poppy or cannabis"),
        Column("year", "integer", "year of the survey"),
        Column("area_ha", "number", "area under the crop in hectares"),
        Column("area_ci_ha", "number", "half width of the 95 % interval of the area"),
        Column("admin", "text", "first-level division as reported"),
        Column("place", "text", "area as reported"),
        Column("admin_code", "text", "code of the area it was matched to"),
        Column("place_match", "text", "code, name, fuzzy, parent, coordinates or none"),
        *COMMON,
    ),
)

_INTERVENTIONS = LayerSchema(
    "interventions",
    "intervention_id",
    (*_POINT, *_LINE, *_AREA),
    (
        Column("intervention_id", "text", "identifier within its source"),
        Column(
            "kind", "text", "checkpoint, patrol, eradication, alternative_livelihood, treatment …"
        ),
        Column("partner", "text", "organisation that runs it, one name for all its spellings"),
        Column("partner_reported", "text", "partner as reported"),
        Column("partner_section", "text", "section, office or branch that the partner's name says"),
        Column("partner_type", "text", "military, law_enforcement, ngo, international or civil"),
        Column("status", "text", "planned, active, suspended or ended"),
        Column("starts_on", "date", "first day"),
        Column("ends_on", "date", "last day"),
        Column("reach_km", "number", "distance that it reaches"),
        Column("reach_minutes", "number", "travel time that it reaches"),
        Column("capacity", "number", "people or cases it can serve"),
        Column("cost", "number", "cost in the currency of the project"),
        Column("location_precision_m", "number", "radius within which the site lies"),
        Column("country", "text", "country as reported"),
        Column("admin", "text", "first-level division as reported"),
        Column("place", "text", "place as reported"),
        Column("admin_code", "text", "code of the area it was matched to"),
        Column("place_match", "text", "code, name, fuzzy, parent, coordinates or none"),
        *COMMON,
    ),
)

_BORDERS = LayerSchema(
    "borders",
    "border_id",
    _LINE,
    (
        Column("border_id", "text", "dyad and number of the piece, such as 'COL-ECU/0'"),
        Column("dyad", "text", "the two ISO 3166-1 alpha-3 codes, sorted, joined by '-'"),
        Column("kind", "text", "land, river, coast, maritime or disputed"),
        Column("disputed", "flag", "whether a claim lies on this piece"),
        Column("chainage_from_km", "number", "reference chainage of the start along the dyad"),
        Column("chainage_to_km", "number", "reference chainage of the end along the dyad"),
        Column("scale", "text", "map scale of the source: 10m, 50m or 110m"),
        *COMMON,
    ),
)

_ANNOTATIONS = LayerSchema(
    "annotations",
    "note_id",
    (*_POINT, *_LINE, *_AREA),
    (
        Column("note_id", "text", "identifier that a note keeps when it is edited"),
        Column("kind", "text", "point, line, area, measure or proposed_site"),
        Column("text", "text", "what the note says"),
        Column("author", "text", "who said it"),
        Column("said_at", "date", "when it was last said so, in UTC, by the clock of its author"),
        Column("map_id", "text", "map on which it was drawn"),
        Column("partner", "text", "organisation that a proposed site is for"),
        Column("reach_km", "number", "distance that a proposed site would reach"),
        *COMMON,
    ),
)

#: Every layer by name.
LAYERS: Mapping[str, LayerSchema] = MappingProxyType(
    {s.name: s for s in (_ROUTES, _SEIZURES, _CULTIVATION, _INTERVENTIONS, _BORDERS, _ANNOTATIONS)}
)


def layer_schema(layer: str) -> LayerSchema:
    """Return the schema of a layer by name.

    Raises
    ------
    ParameterError
        Where there is no such layer.
    """
    if layer not in LAYERS:
        raise ParameterError(f"there is no layer {layer!r}; choose one of {', '.join(LAYERS)}")
    return LAYERS[layer]


def empty(layer: str, *, crs: object = "EPSG:4326") -> gpd.GeoDataFrame:
    """Return a frame of ``layer`` without rows, with every canonical column."""
    return conform(pd.DataFrame({}), layer, crs=crs)


def conform(frame: pd.DataFrame, layer: str, *, crs: object = None) -> gpd.GeoDataFrame:
    """Give ``frame`` the canonical columns of ``layer``, first, in order and typed.

    Columns that are not canonical are kept behind them; missing ones become null. The
    index is kept and the input is not changed.

    Raises
    ------
    SchemaError
        Where a column cannot take its canonical type, or a name stands twice.
    """
    schema = layer_schema(layer)
    if frame.columns.has_duplicates:
        doubled = sorted(set(frame.columns[frame.columns.duplicated()].astype(str)))
        raise SchemaError(
            layer,
            found=f"columns that stand twice: {', '.join(doubled)}",
            expected="one column a name",
            repair="Rename or drop one of each.",
        )
    columns: dict[str, pd.Series] = {}
    for name, dtype in schema.dtypes.items():
        values = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype=object)
        columns[name] = _typed(values, dtype, layer=layer, name=name)
    geometry = (
        frame["geometry"]
        if "geometry" in frame
        else pd.Series(None, index=frame.index, dtype=object)
    )
    extra = [name for name in frame.columns if name not in columns and name != "geometry"]
    data = pd.DataFrame(columns, index=frame.index)
    if extra:
        data = pd.concat([data, frame[extra]], axis=1)
    crs = crs if crs is not None else getattr(geometry, "crs", None)
    result = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(geometry, index=frame.index, crs=crs))
    result.attrs = dict(frame.attrs)
    return result


def _typed(values: pd.Series, dtype: str, *, layer: str, name: str) -> pd.Series:
    if str(values.dtype) == dtype:
        return values
    # The stubs know each dtype as a literal only; here it comes from the schema.
    target: Any = dtype
    try:
        if dtype.startswith("datetime64"):
            typed: pd.Series = pd.to_datetime(values, utc=True).astype(target)
            return typed
        if dtype == "str":
            return values.astype("str").where(values.notna(), None).astype("str")
        other: pd.Series = values.astype(target)
        return other
    except (TypeError, ValueError, OverflowError) as error:
        raise SchemaError(
            layer,
            found=f"{name} of type {values.dtype} ({error})",
            expected=f"values that become {dtype}",
            repair="Read the file with geocn.read_… or convert the column.",
        ) from error
