"""``PlanningMap``: layers go in one by one, one offline file comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import ParameterError, SchemaError
from geocn.maps import basemap, page
from geocn.maps._text import plain_text
from geocn.maps.adders import busy_segments, coverage_layers, cultivation_frame, period_layer
from geocn.maps.columns import days
from geocn.maps.layers import MapLayer, build
from geocn.maps.packing import Pack
from geocn.maps.periods import Frequency, slider
from geocn.maps.visibility import first_view, settle_visibility
from geocn.maps.whatif import WhatIf
from geocn.sharing.marking import Marking

if TYPE_CHECKING:
    import folium
    import xarray as xr

_TLP_CLASSES = {
    Marking.CLEAR: "tlp-clear",
    Marking.GREEN: "tlp-green",
    Marking.AMBER: "tlp-amber",
    Marking.AMBER_STRICT: "tlp-amber",
    Marking.RED: "tlp-red",
}


class PlanningMap:
    """A planning map: layers are added, then it is saved as one offline HTML file.

    The file asks for nothing but itself, runs only the package's own scripts, and is the
    same, byte for byte, for the same input. Only the columns that a layer shows (see the
    ``add_…`` methods and their ``columns=``) enter it.

    Parameters
    ----------
    title : str
        Stands in the title block and the browser's title.
    marking : str
        TLP 2.0 label, or any other marking, printed top and bottom; never translated. A
        layer whose rows carry a higher TLP label is refused.
    releasable_to : str, optional
        Stands beside the marking.
    as_of : date-like, optional
        Information cut-off.
    sources, limits : sequence of str
        Where the data come from; what the map does not show, besides what it counts itself
        (rows without a place, imprecise places, basemap).
    language : {"en", "es", "fr", "pt", "ar"}
        The language the map opens in; the reader can switch.
    author : str, optional
        Who made the map.
    period : {"month", "quarter", "year"}, optional
        Steps of the period slider; by default the finest that gives a handy number.

    Example
    -------
    >>> import geopandas as gpd, shapely
    >>> seizures = gpd.GeoDataFrame(
    ...     {"drug": ["cocaine"], "weight_kg": [12.5], "seized_at": ["2025-03-01"]},
    ...     geometry=[shapely.Point(-76.6, 2.4)], crs="EPSG:4326")
    >>> plan = PlanningMap("Review", marking="TLP:GREEN", as_of="2025-12-31")
    >>> html = plan.add_seizures(seizures).to_html()
    >>> "TLP:GREEN" in html
    True
    """

    def __init__(
        self,
        title: str,
        *,
        marking: str = "TLP:RED",
        releasable_to: str | None = None,
        as_of: Any = None,
        sources: Iterable[str] = (),
        limits: Iterable[str] = (),
        language: str = "en",
        author: str | None = None,
        period: Frequency | None = None,
    ) -> None:
        if language not in page.LANGUAGES:
            raise ParameterError(
                f"language={language!r}; choose one of {', '.join(page.LANGUAGES)}."
            )
        self.title = plain_text(title, limit=300)
        self.language = language
        self._marking = _marking(marking)
        self._releasable_to = plain_text(releasable_to or "", limit=300)
        self._cutoff = _day(as_of)
        self._sources = [plain_text(text) for text in _several(sources)]
        self._limits = [plain_text(text) for text in _several(limits)]
        self._author = plain_text(author or "", limit=300)
        self._period = period
        self._layers: list[MapLayer] = []
        self._what_ifs: list[WhatIf] = []
        self._coverage: list[dict[str, Any]] = []
        slider([], [], period)

    @property
    def marking(self) -> str:
        """The marking as it is printed."""
        return str(self._marking)

    @property
    def layers(self) -> tuple[MapLayer, ...]:
        """The layers added so far."""
        return tuple(self._layers)

    def add_routes(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> PlanningMap:
        """Add reported routes (lines), coloured and dashed by mode."""
        return self._add(frame, "routes", name, columns, visible)

    def add_seizures(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> PlanningMap:
        """Add seizures: shaped by drug, sized by weight.

        Those known no better than five kilometres (``location_precision_m``) are drawn as
        hollow rings, one a place with its number; those without a place are counted among
        the limits.
        """
        return self._add(frame, "seizures", name, columns, visible)

    def add_cultivation(
        self,
        frame: gpd.GeoDataFrame | xr.DataArray,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> PlanningMap:
        """Add cultivated areas (polygons with ``area_ha``, or a raster of hectares a cell)."""
        return self._add(cultivation_frame(frame, name), "cultivation", name, columns, visible)

    def add_interventions(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> PlanningMap:
        """Add interventions, shaped and coloured by type of partner."""
        return self._add(frame, "interventions", name, columns, visible)

    def add_corridors(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> PlanningMap:
        """Add corridors: aggregated routes, least-cost paths or least-cost corridors."""
        return self._add(frame, "corridors", name, columns, visible)

    def add_hotspots(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> PlanningMap:
        """Add areas with ``hotspot_class``, or with a value to class them by."""
        return self._add(frame, "hotspots", name, columns, visible)

    def add_border_hotspots(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> PlanningMap:
        """Add border segments, coloured and widened by relative risk or number of crossings.

        Segments without any crossing or seizure are left out and counted among the limits.
        """
        busy = busy_segments(frame)
        shown = frame if busy is None else frame[busy]
        self._add(shown, "border_hotspots", name, columns, visible)
        self._layers[-1].left_out = len(frame) - len(shown)
        return self

    def add_coverage(
        self,
        result: Any,
        *,
        reaches: gpd.GeoDataFrame | None = None,
        weight: str | None = None,
        weight_label: str | None = None,
        name: str | None = None,
    ) -> PlanningMap:
        """Add the coverage of interventions, with sites to switch on and off.

        Parameters
        ----------
        result : coverage result or GeoDataFrame
            What ``geocn.coverage.assess`` returns (its ``demand`` and ``gaps`` are drawn),
            or a frame of reaches alone.
        reaches : GeoDataFrame, optional
            One area a site, as ``geocn.coverage.reach`` returns. With it the map can
            recompute coverage as sites are switched; a demand area counts as reached where
            a point inside it is.
        weight : str, optional
            Numeric column of the demand that says how much each counts; 1 each by default.
        weight_label : str, optional
            What the weight measures, such as ``"people"``.
        name : str, optional
            Name of the layer in place of the catalogue's.
        """
        name = plain_text(name, limit=120) if name else None
        added, what_if, summary = coverage_layers(
            result, reaches=reaches, weight=weight, label=weight_label, name=name
        )
        self._layers += added
        self._what_ifs += [what_if] if what_if else []
        self._coverage += [{"name": name, "rows": summary}] if summary else []
        return self

    def add_periods(
        self,
        frame: gpd.GeoDataFrame,
        *,
        value: str | None = None,
        period: str = "period",
        area: str | None = None,
        name: str | None = None,
    ) -> PlanningMap:
        """Add areas whose value changes with the period: one row an area and period.

        Parameters
        ----------
        value : str, optional
            Numeric column; by default the first of ``value``, ``n_events``, ``weight_kg``.
        period : str
            Column of periods: years, ``2025-Q1``, ``2025-03``, dates or pandas Periods.
        area : str, optional
            Column that identifies an area; by default ``cell_id``, ``admin_code``, ``name``
            or the geometry itself.
        """
        self._layers.append(period_layer(frame, value=value, period=period, area=area, name=name))
        return self

    def to_folium(self, *, tiles: Any = None) -> folium.Map:
        """Return a ``folium.Map`` with the same layers, for notebooks.

        It lies on the bundled basemap unless ``tiles`` are named. Texts are escaped. A
        folium map asks for Leaflet over the network; :meth:`save` writes the sealed file.
        """
        from geocn.maps.folium_map import folium_map

        settle_visibility(self._layers)
        return folium_map(
            self._layers,
            title=self.title,
            marking=self.marking,
            language=self.language,
            tiles=tiles,
        )

    def to_html(self) -> str:
        """Return the sealed page as text."""
        pack = Pack()
        settle_visibility(self._layers)
        header = {
            "layers": [layer.encode(number, pack) for number, layer in enumerate(self._layers)],
            "whatif": [what_if.encode(pack) for what_if in self._what_ifs],
            "periods": self._periods(),
            "coverage": self._coverage,
        }
        data = pack.block(header)
        bounds = first_view(self._layers)
        blocks = {
            "geocn-world": basemap.world_block(),
            "geocn-detail": basemap.detail_block(bounds),
            "geocn-data": data,
        }
        config = self._config(bounds)
        identity = hashlib.sha256((repr(sorted(config.items())) + data).encode("utf-8"))
        patterns = any("emerging_class" in layer.frame for layer in self._layers)
        named = {**config, "map_id": identity.hexdigest()[:12]}
        return page.render(named, blocks, patterns=patterns)

    def save(self, path: StrPath) -> Path:
        """Write the sealed page and return its path; the previous file stays whole until then.

        Raises
        ------
        WriteError
            Where it cannot be written.
        """
        from geocn.io.atomic import atomic_file

        target = Path(path)
        text = self.to_html()
        with atomic_file(target) as temporary:
            Path(temporary).write_text(text, encoding="utf-8", newline="\n")
        return target

    def _add(
        self,
        frame: gpd.GeoDataFrame,
        kind: str,
        name: str | None,
        columns: Sequence[str],
        visible: bool | None,
    ) -> PlanningMap:
        named = plain_text(name, limit=120) if name else None
        self._refuse_higher(frame, named or kind)
        layer = build(frame, kind, name=named, columns=columns)
        layer.visible = visible
        self._layers.append(layer)
        return self

    def _refuse_higher(self, frame: pd.DataFrame, layer: str) -> None:
        if not isinstance(self._marking, Marking) or "marking" not in frame:
            return
        known = frame["marking"].dropna()
        above = [label for label in known.unique() if Marking.parse(str(label)) > self._marking]
        higher = known[known.isin(above)]
        if len(higher):
            raise SchemaError(
                layer,
                found=f"rows marked up to {Marking.highest(higher)}",
                expected=f"nothing above the map's marking {self._marking}",
                rows=list(higher.index),
                repair="Release the layer first (geocn.sharing.release), or raise marking=.",
            )

    def _periods(self) -> list[list[int]]:
        spans = [layer.spans for layer in self._layers if layer.spans is not None]
        fixed = [step for layer in self._layers for step in layer.steps]
        until = int(days(pd.Series([self._cutoff]))[0]) if self._cutoff else None
        return [list(step) for step in slider(spans, fixed, self._period, until=until)]

    def _config(self, bounds: tuple[float, float, float, float] | None) -> dict[str, Any]:
        tlp = isinstance(self._marking, Marking)
        return {
            "title": self.title,
            "marking": self.marking,
            "tlp": _TLP_CLASSES[self._marking] if tlp else "tlp-other",  # type: ignore[index]
            "caveat": self._releasable_to,
            "cutoff": self._cutoff,
            "sources": self._sources,
            "limits": self._limits,
            "author": self._author,
            "language": self.language,
            "languages": list(page.LANGUAGES),
            "right_to_left": list(page.RIGHT_TO_LEFT),
            "bounds": list(bounds) if bounds else None,
        }


def _marking(text: str | Marking) -> Marking | str:
    if isinstance(text, Marking):
        return text
    try:
        return Marking.parse(text)
    except ParameterError:
        other = plain_text(text, limit=120)
    if not other:
        raise ParameterError("marking is empty; write a TLP 2.0 label such as 'TLP:AMBER'.")
    return other


def _day(when: Any) -> str | None:
    if when is None:
        return None
    try:
        return pd.Timestamp(when).strftime("%Y-%m-%d")
    except (TypeError, ValueError) as error:
        raise ParameterError(f"as_of={when!r} is no date; write it as 2025-12-31.") from error


def _several(texts: Iterable[str] | str) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)
