"""The layers of a planning map, added one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import geopandas as gpd

from geocn.maps._text import plain_text
from geocn.maps.adders import (
    busy_segments,
    change_frame,
    coverage_layers,
    cultivation_frame,
    period_layer,
    siting_frame,
)
from geocn.maps.layers import MapLayer, build
from geocn.maps.title_block import TitleBlock
from geocn.maps.whatif import WhatIf

if TYPE_CHECKING:
    import xarray as xr


class LayerStack:
    """Layers in the order in which they were added; none above the marking of the map."""

    def __init__(self, block: TitleBlock) -> None:
        self._block = block
        self._layers: list[MapLayer] = []
        self._what_ifs: list[WhatIf] = []
        self._coverage: list[dict[str, Any]] = []

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
    ) -> Self:
        """Add reported routes (lines), coloured and dashed by mode."""
        return self._add(frame, "routes", name, columns, visible)

    def add_seizures(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> Self:
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
    ) -> Self:
        """Add cultivated areas (polygons with ``area_ha``, or a raster of hectares a cell)."""
        return self._add(cultivation_frame(frame, name), "cultivation", name, columns, visible)

    def add_interventions(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> Self:
        """Add interventions, shaped and coloured by type of partner."""
        return self._add(frame, "interventions", name, columns, visible)

    def add_annotations(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> Self:
        """Add notes that planners drew on an earlier map: who said what, and when.

        Parameters
        ----------
        frame : GeoDataFrame
            What ``geocn.read_annotations`` returns. Notes marked above the map are refused.
        name, columns, visible
            As for every layer.
        """
        return self._add(frame, "annotations", name, columns, visible)

    def add_corridors(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> Self:
        """Add corridors: aggregated routes, least-cost paths or least-cost corridors."""
        return self._add(frame, "corridors", name, columns, visible)

    def add_hotspots(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> Self:
        """Add areas with ``hotspot_class``, or with a value to class them by."""
        return self._add(frame, "hotspots", name, columns, visible)

    def add_border_hotspots(
        self,
        frame: gpd.GeoDataFrame,
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        visible: bool | None = None,
    ) -> Self:
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
    ) -> Self:
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
        if what_if is not None:
            drawn = next(k for k, one in enumerate(added) if one.kind == "coverage")
            place = f"layer-{len(self._layers) + drawn}"
            self._what_ifs.append(replace(what_if, layer=place))
        self._layers += added
        self._coverage += [{"name": name, "rows": summary}] if summary else []
        return self

    def add_siting(self, result: Any, *, name: str | None = None) -> Self:
        """Add the sites that ``geocn.coverage.locate`` chose, in the order of what each adds."""
        return self._add(siting_frame(result), "siting", name, (), None)

    def add_change(
        self, frame: gpd.GeoDataFrame, *, alpha: float = 0.05, name: str | None = None
    ) -> Self:
        """Add areas or border segments with the class of their change.

        Parameters
        ----------
        frame : GeoDataFrame
            What ``geocn.evaluation.compare_periods`` gives by areas,
            ``geocn.cultivation.change`` with the areas' geometry, or a table of changes of a
            run (``changes/*.parquet``): new, intensified, diminished and gone hotspots, more
            and less elsewhere, no clear change, too few to tell, not comparable.
        alpha : float
            A change of counts is clear where its ``p_adjusted`` is at most this. The classes
            of a run are kept; its intervals have the confidence 1 - alpha.
        name : str, optional
            Name of the layer in place of the catalogue's.
        """
        return self._add(change_frame(frame, alpha), "change", name, (), None)

    def add_periods(
        self,
        frame: gpd.GeoDataFrame,
        *,
        value: str | None = None,
        period: str = "period",
        area: str | None = None,
        name: str | None = None,
    ) -> Self:
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

    def _add(
        self,
        frame: gpd.GeoDataFrame,
        kind: str,
        name: str | None,
        columns: Sequence[str],
        visible: bool | None,
    ) -> Self:
        named = plain_text(name, limit=120) if name else None
        self._block.refuse_higher(frame, named or kind)
        layer = build(frame, kind, name=named, columns=columns)
        layer.visible = visible
        self._layers.append(layer)
        return self
