"""Hotspots of events on areas and along borders."""

from geocn.hotspots.along_border import border_hotspots
from geocn.hotspots.border_methods import BorderBayes, BorderKernel, BorderPoisson, BorderScan
from geocn.hotspots.counts import count_events
from geocn.hotspots.crossings import border_crossings
from geocn.hotspots.cube import read_cube, space_time_cube, write_cube
from geocn.hotspots.density import kernel_density
from geocn.hotspots.density_parts import point_density
from geocn.hotspots.effort import enforcement_effort
from geocn.hotspots.emerging import emerging_hotspots
from geocn.hotspots.forecast import evaluate_forecast, forecast
from geocn.hotspots.getis import getis_ord
from geocn.hotspots.global_g import global_g
from geocn.hotspots.moran import local_moran
from geocn.hotspots.near_repeat import near_repeat
from geocn.hotspots.network_density import network_kernel_density
from geocn.hotspots.pictures import plot
from geocn.hotspots.point_counts import count_points
from geocn.hotspots.scan import spatial_scan
from geocn.hotspots.scan_shapes import Ellipses
from geocn.hotspots.segments import border_segments
from geocn.hotspots.spikes import spike_alerts
from geocn.spatial.grids import make_grid
from geocn.spatial.neighbours import distance_band, knn

__all__ = [
    "BorderBayes",
    "BorderKernel",
    "BorderPoisson",
    "BorderScan",
    "Ellipses",
    "border_crossings",
    "border_hotspots",
    "border_segments",
    "count_events",
    "count_points",
    "distance_band",
    "emerging_hotspots",
    "enforcement_effort",
    "evaluate_forecast",
    "forecast",
    "getis_ord",
    "global_g",
    "kernel_density",
    "knn",
    "local_moran",
    "make_grid",
    "near_repeat",
    "network_kernel_density",
    "plot",
    "point_density",
    "read_cube",
    "space_time_cube",
    "spatial_scan",
    "spike_alerts",
    "write_cube",
]
