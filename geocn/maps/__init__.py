"""Planning maps: one sealed, offline HTML file, or a folium map for a notebook."""

from geocn.maps.encryption import open_encrypted
from geocn.maps.export import export_pdf, export_png
from geocn.maps.planning import PlanningMap
from geocn.maps.sealing import seal

__all__ = ["PlanningMap", "export_pdf", "export_png", "open_encrypted", "seal"]
