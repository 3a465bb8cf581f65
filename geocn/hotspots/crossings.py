"""Where routes change country."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from os import PathLike
from typing import Any, Final

import geopandas as gpd
import numpy as np

from geocn._typing import FloatArray, StrPath
from geocn.errors import AssumptionWarning, ParameterError
from geocn.hotspots.crossings_found import TIME_REVERSED, CrossingJob, TimeReversed, of_frame
from geocn.hotspots.crossings_parts import of_file
from geocn.hotspots.point_chunks import check_source
from geocn.hotspots.posts import at_posts, count_posts, read_posts
from geocn.hotspots.precision import given_precision
from geocn.hotspots.travel import HAPPENINGS
from geocn.io.tasks import NOT_RECORDED
from geocn.provenance import attach
from geocn.spatial.crs import to_lonlat

# Degrees. Routes may well stay short of every border; those this far off never were near one.
_FAR: Final = 20.0


def border_crossings(
    routes: gpd.GeoDataFrame | StrPath,
    borders: gpd.GeoDataFrame | None = None,
    *,
    countries: gpd.GeoDataFrame | None = None,
    min_excursion_m: float = 1000.0,
    include: Sequence[str] = ("land",),
    time_reversed: TimeReversed = "refuse",
    posts: gpd.GeoDataFrame | None = None,
    post_reach_m: float = 5000.0,
    memory_mb: float = 512,
    on_invalid: str = "raise",
    rejects: StrPath | None = None,
    scheduler: Any = None,
    checkpoints: StrPath | None = None,
) -> gpd.GeoDataFrame:
    """Find where routes change country over a land border, in the order they travel.

    A crossing is a change of country that lasts: an excursion that returns to the country
    it left within ``min_excursion_m`` is a graze, several within one stay are a run along
    the border, and neither is a crossing. A route that begins or ends exactly on a border has
    not crossed it there. A stretch of water shorter than that between two
    neighbours (a river mouth) is crossed as the land border nearest to it. Longitudes may
    jump at +-180 degrees; each step of a route goes the short way around.

    Parameters
    ----------
    routes : GeoDataFrame or path
        Lines in the direction of travel; Z and M are not used. ``first_seen`` and
        ``last_seen``, where both are known, are taken as the times at its ends and
        ``crossed_at`` lies between them in proportion to distance; where one is known, it
        is used as it is. A path is that of a GeoParquet (lines as WKB or GeoArrow), or of a
        folder of them, which need not fit into memory; texts of times are then ISO 8601.
    borders : GeoDataFrame, optional
        From ``read_borders`` or :func:`geocn.spatial.borders.load_borders`; by default the
        bundled 1:10 million borders. Lines need ``dyad``, ``left`` and ``right``. Areas of
        countries are turned into borders by
        :func:`geocn.spatial.border_repair.borders_from_countries` with its defaults.
    countries : GeoDataFrame, optional
        Areas that tell which country lies left and right of borders that do not say.
    min_excursion_m : float
        Geodesic length along the route, in metres, below which an excursion is a graze.
    include : sequence of {"land", "landfall", "departure", "graze", "coast_graze", \
"along_border"}
        Which happenings to return, the last five only where asked for. Each graze is a row;
        a run along the border is one row more, where it begins.
    time_reversed : {"refuse", "follow", "as_drawn"}
        What to do with a route last seen before it was first seen: raise an error that
        names the rows; take it to run from its last vertex to its first; or keep the
        direction of the line, with ``crossed_at`` unknown.
    posts : GeoDataFrame, optional
        Points of official crossings, with ``name`` (else the index is the name) and perhaps
        ``dyad``: a post of a dyad serves only the crossings of that dyad.
    post_reach_m : float
        Geodesic distance in metres up to which a crossing is at a post.
    memory_mb : float
        Room for the lines of a file that are worked on at once, beside borders and result.
    on_invalid : {"raise", "warn"}
        What to do, once all are read, with rows of a file that cannot be used: damaged
        geometries or none of lines, places nowhere on Earth, times that cannot be read, and
        ``last_seen`` before ``first_seen`` where that is refused. A frame always raises.
    rejects : path, optional
        A CSV for these rows, with their numbers and reasons.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler (``"tcp://…"``) whose workers see the file, or a client.
    checkpoints : path, optional
        Folder that keeps what was found in each part of a file: the same call goes on after
        a run that was stopped.

    Returns
    -------
    GeoDataFrame
        One row a crossing, in EPSG:4326: ``route_id, dyad, chainage_km, from_country,
        to_country, crossed_at, kind`` (of the border, or landfall or departure),
        ``disputed, distance_along_km, route_row`` (row number in ``routes``),
        ``crossing_kind`` (as in ``include``), ``excursion_m`` (length of a graze or of a run
        along the border), the route's own attributes, geometry (Point). For a change between
        land and sea, dyad is the country and the sea an empty text.

        With posts also ``post`` (name, null beyond reach), ``post_distance_m`` (to the
        nearest) and ``between_posts``: null where ``location_precision_m`` of the route
        leaves open on which side of the reach the crossing lies.

        ``attrs["geocn"]["reported"]`` counts grazes, runs along borders, coast grazes,
        landfalls, departures, short sea passages counted as crossings, unseen changes
        (borders that do not close) and touches at the very ends of routes; ``["left_out"]``
        counts routes without geometry or without length, and borders without geometry;
        ``["imprecise"]`` the crossings whose route is known less exactly than the reach of a
        post (without posts: than ``min_excursion_m``); ``["posts"]`` how many crossings are at
        posts, between them and undecided; ``["repairs"]`` what had to
        be repaired in areas of countries; ``["rejected"]`` rows of a file by reason.

        From a file the same rows, in the same order, to the last bit, as from the frame that
        geopandas reads of it, whatever the memory and the number of workers; a column of
        categories comes as its values, and a file without ``route_id`` has its row numbers.

    Warns
    -----
    AssumptionWarning
        Where nothing was found and all routes lie more than 20 degrees from all borders, as
        where one of them has its axes swapped.
    RejectedRowsWarning
        Where rows of a file were left out, with ``on_invalid="warn"``.

    Raises
    ------
    GeometryError
        Where a geometry is not a line, or a post not a point.
    CRSError, CoordinateError
        Where the CRS is missing or coordinates lie nowhere on Earth.
    DateError
        Where a route was last seen before it was first seen, or a time cannot be read.
    SchemaError
        Where times are numbers.
    LayerError
        Where the borders have no shared sides.
    ParameterError
        Where an option is out of range, or needs a file.
    ReadError, UnsafeFileError
        Where a file is damaged or no GeoParquet.
    RejectedRowsError
        Where rows of a file cannot be used for several reasons; they are numbered from 0.
    ClusterError
        Where the scheduler is gone or its workers are of other versions.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> route = shapely.LineString([(-77.5, 1.2), (-78.5, 0.2)])
    >>> found = border_crossings(gpd.GeoDataFrame({"route_id": ["r1"]}, geometry=[route], crs=4326))
    >>> found[["dyad", "from_country", "to_country"]].to_numpy().tolist()
    [['COL-ECU', 'COL', 'ECU']]

    From a file, as large as the disk:

    >>> import tempfile; from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "routes.parquet"
    >>> gpd.GeoDataFrame({"route_id": ["r1"]}, geometry=[route], crs=4326).to_parquet(file)
    >>> border_crossings(file)["dyad"].tolist()
    ['COL-ECU']
    """
    _check_options(min_excursion_m, include, time_reversed, post_reach_m)
    _check_source(routes, on_invalid, (rejects, scheduler, checkpoints))
    places = None if posts is None else read_posts(posts)
    job = CrossingJob(borders, countries, float(min_excursion_m), tuple(include), time_reversed)
    if isinstance(routes, (str, PathLike)):
        found = of_file(
            routes,
            job,
            memory_mb=memory_mb,
            on_invalid=on_invalid,
            rejects=rejects,
            scheduler=scheduler,
            checkpoints=checkpoints,
        )
    else:
        found = of_frame(routes, job)
    result = found.table
    if borders is not None and not len(result):
        _warn_if_apart(found.bounds, to_lonlat(borders, "borders"))
    if places is not None:
        result = result.assign(**at_posts(result, places, reach_m=float(post_reach_m)))
        result = result[[c for c in result if c != "geometry"] + ["geometry"]]
    return attach(
        result,
        "hotspots.border_crossings",
        min_excursion_m=float(min_excursion_m),
        include=list(include),
        time_reversed=time_reversed,
        posts=None if places is None else count_posts(result, places),
        post_reach_m=float(post_reach_m),
        countries=None if countries is None else len(countries),
        memory_mb=NOT_RECORDED,
        on_invalid=on_invalid,
        rejects=rejects is not None,
        scheduler=NOT_RECORDED,
        checkpoints=NOT_RECORDED,
        scale=job.index.scale,
        crs="EPSG:4326",
        **found.told,
        imprecise=_imprecise(result, min_excursion_m if posts is None else post_reach_m),
        repairs=job.index.repairs,
        left_out={**found.left_out, "borders_without_geometry": job.index.n_missing},
    )


def _check_options(
    min_excursion_m: float, include: Sequence[str], time_reversed: str, post_reach_m: float
) -> None:
    faults = []
    if not (np.isfinite(min_excursion_m) and min_excursion_m >= 0):
        faults.append(f"min_excursion_m is {min_excursion_m}, not 0 or more")
    if isinstance(include, str) or set(include) - set(HAPPENINGS):
        faults.append(f"include {include!r}; choose from {', '.join(HAPPENINGS)}")
    if time_reversed not in TIME_REVERSED:
        faults.append(f"time_reversed {time_reversed!r} is not one of {', '.join(TIME_REVERSED)}")
    if not (np.isfinite(post_reach_m) and post_reach_m > 0):
        faults.append(f"post_reach_m is {post_reach_m}, not positive")
    if faults:
        raise ParameterError("; ".join(faults))


def _check_source(routes: Any, on_invalid: str, places: tuple[Any, ...]) -> None:
    given = dict(zip(("rejects", "scheduler", "checkpoints"), places, strict=True))
    if on_invalid == "warn":
        given = {'on_invalid="warn"': on_invalid, **given}
    check_source(routes, on_invalid, given, layer="routes")


def _warn_if_apart(ours: FloatArray, borders: gpd.GeoDataFrame) -> None:
    """Say so where no route comes near any border: a swapped axis looks like peace."""
    theirs = borders.total_bounds
    if np.isnan([ours, theirs]).any():
        return
    beyond = np.maximum(ours[:2] - theirs[2:], theirs[:2] - ours[2:])
    if beyond.max() > _FAR:
        warnings.warn(
            f"routes ({_extent(ours)}) and borders ({_extent(theirs)}) share no place, so nothing "
            "crosses; if they should, one of them has its axes swapped or another CRS than it says",
            AssumptionWarning,
            stacklevel=3,
        )


def _extent(bounds: FloatArray) -> str:
    west, south, east, north = bounds
    return f"longitude {west:.1f} to {east:.1f}, latitude {south:.1f} to {north:.1f}"


def _imprecise(result: gpd.GeoDataFrame, finer_than_m: float) -> dict[str, Any]:
    vague = int((given_precision(result) > finer_than_m).sum())
    share = vague / len(result) if len(result) else None
    return {"finer_than_m": float(finer_than_m), "n": vague, "share": share}
