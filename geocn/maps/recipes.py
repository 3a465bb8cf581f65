"""Which columns of each kind of layer may enter a map, and which of them its table ranks by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Recipe:
    """One kind of layer: the columns that may enter the file, and those the table ranks by."""

    columns: tuple[str, ...]
    rank: tuple[str, ...]
    order: int
    source_columns: tuple[str, ...] = ("source", "reliability", "credibility")


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "cultivation": Recipe(
            ("field_id", "admin", "place", "crop", "year", "area_ha", "area_ci_ha"),
            ("area_ha",),
            10,
        ),
        "hotspots": Recipe(
            (
                *("cell_id", "name", "admin", "place", "hotspot_class", "value", "n_events"),
                *("rate", "expected", "relative_risk", "gi_z", "p_value", "p_adjusted"),
                *("significant", "n_neighbours", "weight_kg", "imprecise_share", "emerging_class"),
            ),
            ("gi_z", "relative_risk", "value", "n_events"),
            45,
            (),
        ),
        "periods": Recipe(("cell_id", "name", "admin", "place"), (), 25, ()),
        "coverage": Recipe(
            (
                "name",
                "admin",
                "place",
                "cell_id",
                "n_partners",
                "share_covered",
                "partners",
                "weight",
            ),
            ("weight", "n_partners"),
            30,
            (),
        ),
        "gaps": Recipe(
            (
                "rank",
                "name",
                "admin",
                "place",
                "cell_id",
                "weight",
                "value",
                "share",
                "share_uncovered",
            ),
            ("weight", "value", "share"),
            32,
            (),
        ),
        "siting": Recipe(
            (
                *("order", "name", "admin", "place", "intervention_id", "partner", "gain"),
                *("cumulative", "share", "served_weight", "is_existing"),
            ),
            ("gain", "served_weight"),
            90,
            (),
        ),
        "change": Recipe(
            (
                *("name", "admin", "place", "admin_code", "change_class", "before", "after"),
                *("change", "change_low", "change_high", "ratio", "ratio_low", "ratio_high"),
                *("dyad", "chainage_from_km", "chainage_to_km", "period_before", "period_after"),
                *(
                    "confidence",
                    "p_adjusted",
                    "n_unsure",
                    "before_ha",
                    "after_ha",
                    "net_ha",
                    "gained_ha",
                ),
                *("lost_ha", "change_percent", "status"),
            ),
            ("change", "net_ha"),
            26,
            (),
        ),
        "reach": Recipe(
            ("intervention_id", "partner", "partner_type", "kind", "reach_km"),
            ("reach_km",),
            28,
            (),
        ),
        "corridors": Recipe(
            (
                *("name", "origin", "destination", "tolerance", "weight_kg", "n_routes"),
                *("n_sources", "modes", "mode", "drug", "cost", "length_m", "area_km2"),
                *("width_km", "length_km", "drugs", "share", "first_seen", "last_seen"),
            ),
            ("weight_kg", "n_routes", "share", "area_km2", "length_m"),
            40,
            (),
        ),
        "routes": Recipe(
            (
                *("route_id", "mode", "drug", "weight_kg", "first_seen", "last_seen"),
                *("n_sources", "location_precision_m"),
            ),
            ("weight_kg", "n_sources"),
            50,
        ),
        "border_hotspots": Recipe(
            (
                *("rank", "segment_id", "dyad", "kind", "chainage_from_km", "chainage_to_km"),
                *("length_km", "n_crossings", "n_seizures", "flow", "exposure", "expected"),
                *("rate", "rate_eb", "relative_risk", "p_value", "p_adjusted", "significant"),
                *("hotspot_class", "share_direction_ab", "cluster_id", "emerging_class"),
                *("imprecise_share", "share_between_posts"),
            ),
            ("relative_risk", "rate", "n_crossings", "n_seizures"),
            60,
            (),
        ),
        "interventions": Recipe(
            (
                *("intervention_id", "kind", "partner", "partner_type", "status", "starts_on"),
                *("ends_on", "reach_km", "reach_minutes", "capacity", "location_precision_m"),
                *("admin", "place"),
            ),
            ("capacity", "reach_km"),
            80,
        ),
        "annotations": Recipe(
            (
                *("said_at", "author", "kind", "text", "partner", "reach_km", "note_id"),
                "map_id",
            ),
            (),
            95,
            (),
        ),
        "seizures": Recipe(
            (
                *("seizure_id", "seized_at", "date_precision", "drug", "drug_reported"),
                *("quantity", "unit", "weight_kg", "origin", "departure", "destination", "mode"),
                *("location_precision_m", "admin", "place"),
            ),
            ("weight_kg", "quantity"),
            70,
        ),
    }
)
