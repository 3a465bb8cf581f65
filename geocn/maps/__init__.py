"""Planning maps: one sealed, offline HTML file, or a folium map for a notebook."""

from geocn.maps.encryption import open_encrypted
from geocn.maps.planning import PlanningMap
from geocn.maps.sealing import seal

__all__ = ["PlanningMap", "open_encrypted", "seal"]
