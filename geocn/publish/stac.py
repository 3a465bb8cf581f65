"""A static STAC catalogue of published files: what there is, where it lies, when, and its hash."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pystac
import shapely
from pyproj import CRS, Transformer

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.io.atomic import atomic_folder, safe_name, sha256_file
from geocn.publish._about import facts_of, sentence, sources_of
from geocn.publish._media import media_type
from geocn.publish._order import placed
from geocn.publish._storable import clean_text, finite

_FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
_WORLD = [-180.0, -90.0, 180.0, 90.0]
#: Columns that say when the rows of a layer hold.
_TIMES = (
    *("seized_at", "first_seen", "last_seen", "starts_on", "ends_on"),
    *("crossed_at", "said_at"),
)
#: Decimals of a degree that a box keeps: about a metre.
_DECIMALS = 5


@dataclass(frozen=True)
class CatalogueEntry:
    """One layer, table or raster with the files that hold it.

    Attributes
    ----------
    name : str
        Of the item.
    collection : str
        What it belongs to: a layer, or an analysis with several results.
    data : DataFrame or DataArray
        Its rows or cells, for place, time and number.
    files : mapping of str to path
        The files by the key of their asset (``"parquet"``, ``"gpkg"``).
    notes : mapping of str to str
        What is said of an asset, by its key: the table within a GeoPackage.
    """

    name: str
    collection: str
    data: Any
    files: Mapping[str, Path]
    notes: Mapping[str, str] = field(default_factory=dict)


def write_stac(
    entries: Sequence[CatalogueEntry],
    folder: StrPath,
    *,
    title: str,
    as_of: date,
    description: str | None = None,
    links: Mapping[str, Path] | None = None,
) -> Path:
    """Write a self-contained STAC 1.1 catalogue, replacing the folder in one step.

    ``catalog.json`` leads to a collection a layer or analysis, and these to items with box,
    times, coordinate system, and assets with media type, size and SHA-256 (as a multihash).
    Every link is relative, so that the files may move together. The same entries and files
    give the same bytes.

    Parameters
    ----------
    entries : sequence of CatalogueEntry
        What there is; everything that is told of it comes from its own rows and files.
    folder : path-like
        The folder of the catalogue, replaced whole. It must lie beside or above the files.
    title : str
        Of the catalogue.
    as_of : date
        Information cut-off: the time of an item whose rows have none.
    description : str, optional
        Of the catalogue; by default title and cut-off.
    links : mapping of str to path, optional
        Further files, such as the map, by their title.

    Returns
    -------
    Path
        ``catalog.json``.

    Raises
    ------
    ParameterError
        Where two entries of a collection have the same name once it is made safe.
    WriteError
        Where the folder cannot be written; the previous version is still whole.

    Notes
    -----
    A frame without geometry, or whose rows have no place, becomes an item without geometry.
    The specification is that of https://github.com/radiantearth/stac-spec (1.1.0) with its
    extensions *file* 2.1.0 and *projection* 2.0.0.

    Examples
    --------
    >>> import datetime, geopandas, pathlib, tempfile
    >>> from geocn.publish import CatalogueEntry, write_geoparquet, write_stac
    >>> frame = geopandas.GeoDataFrame(
    ...     {"n": [1]}, geometry=geopandas.points_from_xy([-72], [4]), crs="EPSG:4326"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_geoparquet(frame, folder + "/sites.parquet")
    ...     entry = CatalogueEntry("sites", "sites", frame, {"parquet": file})
    ...     day = datetime.date(2025, 12, 31)
    ...     write_stac([entry], folder + "/stac", title="Sites", as_of=day).name
    'catalog.json'
    """
    target = Path(folder).absolute()
    told = description or f"{title}, information cut-off {as_of.isoformat()}"
    catalogue = pystac.Catalog(
        "catalogue", told, title, catalog_type=pystac.CatalogType.SELF_CONTAINED
    )
    catalogue.set_self_href(str(target / "catalog.json"))
    hashes: dict[Path, tuple[int, str]] = {}
    for collection_name in dict.fromkeys(entry.collection for entry in entries):
        members = [entry for entry in entries if entry.collection == collection_name]
        catalogue.add_child(_collection(collection_name, members, target, as_of, hashes))
    for heading, path in (links or {}).items():
        href = _relative(path, target)
        catalogue.add_link(pystac.Link("related", href, media_type(path), heading))
    with atomic_folder(target) as draft:
        for place, content in _documents(catalogue):
            file = draft / Path(place).relative_to(target)
            file.parent.mkdir(exist_ok=True)
            text = json.dumps(finite(content), indent=1, sort_keys=True, ensure_ascii=False)
            file.write_text(str(clean_text(text)) + "\n", encoding="utf-8", newline="\n")
    return target / "catalog.json"


def _documents(catalogue: pystac.Catalog) -> Iterator[tuple[str, dict[str, Any]]]:
    for parent, _, items in catalogue.walk():
        for one in (parent, *items):
            yield str(one.get_self_href()), one.to_dict(include_self_link=False)


def _collection(
    name: str,
    members: Sequence[CatalogueEntry],
    target: Path,
    as_of: date,
    hashes: dict[Path, tuple[int, str]],
) -> pystac.Collection:
    identity = safe_name(name)
    doubled = {safe_name(one.name) for one in members}
    if len(doubled) < len(members):
        raise ParameterError(f"catalogue: entries of {name!r} share a name. Rename one of each.")
    items = [_item(entry, target / identity, as_of, hashes) for entry in members]
    boxes = [item.bbox for item in items if item.bbox is not None]
    times = [moment for item in items for moment in _span(item)]
    sources = sorted({source for one in members for source in _sources(one.data)})
    facts = {k: v for k, v in facts_of(members[0].data).items() if k != "title"}
    collection = pystac.Collection(
        identity,
        description=sentence({"title": name, **facts}),
        title=name,
        extent=pystac.Extent(
            pystac.SpatialExtent([_around(boxes)]),
            pystac.TemporalExtent([[min(times), max(times)]]),
        ),
        license="other",
        providers=[pystac.Provider(source, roles=[_PRODUCER]) for source in sources] or None,
    )
    collection.set_self_href(str(target / identity / "collection.json"))
    for item in items:
        href = item.get_self_href()
        collection.add_item(item)
        item.set_self_href(href)
    return collection


_PRODUCER = pystac.ProviderRole.PRODUCER


def _item(
    entry: CatalogueEntry, folder: Path, as_of: date, hashes: dict[Path, tuple[int, str]]
) -> pystac.Item:
    box, projection = _place(entry.data)
    first, last = _times(entry.data)
    at = None if first is not None else datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    facts: dict[str, Any] = {f"geocn:{word}": fact for word, fact in facts_of(entry.data).items()}
    if isinstance(entry.data, pd.DataFrame):
        facts["geocn:rows"] = len(entry.data)
    item = pystac.Item(
        safe_name(entry.name),
        geometry=None if box is None else _outline(box),
        bbox=box,
        datetime=at,
        start_datetime=first,
        end_datetime=last,
        properties={"title": entry.name, **facts, **projection},
        stac_extensions=[_FILE, *([_PROJECTION] if projection else [])],
    )
    item.set_self_href(str(folder / f"{item.id}.json"))
    for key, path in entry.files.items():
        if path not in hashes:
            hashes[path] = (path.stat().st_size, sha256_file(path))
        size, digest = hashes[path]
        # a multihash: 0x12 is SHA-256, 0x20 its length in bytes
        fields = {"file:size": size, "file:checksum": f"1220{digest}"}
        item.assets[key] = pystac.Asset(
            _relative(path, folder),
            description=entry.notes.get(key),
            media_type=media_type(path),
            roles=["data"],
            extra_fields=fields,
        )
    return item


def _span(item: pystac.Item) -> tuple[datetime, datetime]:
    if item.datetime is not None:
        return item.datetime, item.datetime
    common = item.common_metadata
    return common.start_datetime or _NEVER, common.end_datetime or _NEVER


_NEVER = datetime.min.replace(tzinfo=UTC)


def _sources(data: Any) -> list[str]:
    return sources_of(data) if isinstance(data, pd.DataFrame) else []


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(Path(path).absolute(), folder)).as_posix()


def _place(data: Any) -> tuple[list[float] | None, dict[str, Any]]:
    """Return the box in degrees, and what the projection extension tells."""
    if isinstance(data, gpd.GeoDataFrame) and data.active_geometry_name is not None:
        known = placed(data)
        crs = data.crs
        bounds = data.geometry[known].total_bounds.tolist() if known.any() else None
        grid: dict[str, Any] = {}
    elif hasattr(data, "rio"):
        crs, bounds = CRS.from_user_input(data.rio.crs), list(map(float, data.rio.bounds()))
        transform = [float(value) for value in tuple(data.rio.transform())[:6]]
        grid = {"proj:shape": [data.rio.height, data.rio.width], "proj:transform": transform}
    else:
        return None, {}
    if bounds is None or crs is None:
        return None, {}
    known_as = crs.to_authority(min_confidence=100)
    code = ":".join(known_as) if known_as else None
    projection: dict[str, Any] = {"proj:code": code, "proj:bbox": bounds, **grid}
    if code is None:
        projection["proj:wkt2"] = crs.to_wkt("WKT2_2019")
    box = _outwards(_to_degrees(crs).transform_bounds(*bounds))
    return (box if np.isfinite(box).all() else None), projection


@lru_cache(maxsize=32)
def _to_degrees(crs: CRS) -> Transformer:
    """Return the way to degrees: finding it costs PROJ a tenth of a second."""
    return Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)


def _outwards(bounds: Sequence[float]) -> list[float]:
    """Round a box so that it still holds what it held."""
    scale = 10.0**_DECIMALS
    low = np.floor(np.multiply(bounds[:2], scale)) / scale
    high = np.ceil(np.multiply(bounds[2:], scale)) / scale
    return [*low.tolist(), *high.tolist()]


def _outline(box: Sequence[float]) -> dict[str, Any]:
    west, south, east, north = box
    # west of it in number: a box across the 180th meridian
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    halves = [shapely.box(left, south, right, north) for left, right in spans]
    shape = halves[0] if len(halves) == 1 else shapely.MultiPolygon(halves)
    outline: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return outline


def _around(boxes: Sequence[Sequence[float]]) -> list[float]:
    if not boxes:
        return list(_WORLD)
    west, south, east, north = zip(*boxes, strict=True)
    crossing = any(w > e for w, e in zip(west, east, strict=True))
    sides = (-180.0, 180.0) if crossing else (min(west), max(east))
    return [sides[0], min(south), sides[1], max(north)]


def _times(data: Any) -> tuple[datetime | None, datetime | None]:
    """Return the first and last instant that the rows name."""
    if not isinstance(data, pd.DataFrame):
        return None, None
    moments = [data[name].dropna() for name in _TIMES if name in data]
    known = [
        instant.to_pydatetime()
        for column in moments
        if len(column) and isinstance(column.dtype, pd.DatetimeTZDtype)
        for instant in (column.min(), column.max())
    ]
    if "year" in data and pd.api.types.is_numeric_dtype(data["year"]):
        years = data["year"].dropna()
        years = years[(years >= 1) & (years <= 9999)]
        if len(years):
            known += [datetime(int(years.min()), 1, 1, tzinfo=UTC)]
            known += [datetime(int(years.max()), 12, 31, tzinfo=UTC)]
    return (min(known), max(known)) if known else (None, None)
