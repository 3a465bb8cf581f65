"""The analyses of a project, computed from the layers they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import geopandas as gpd
import pandas as pd

from geocn import corridors, cultivation, hotspots, layers
from geocn.errors import GeocnError
from geocn.project import analyses as asked
from geocn.project import analyses_planning as asked_planning
from geocn.project import compute_planning as planning
from geocn.project.analysis import Analysis, Place
from geocn.project.cache import Cache
from geocn.project.cache_arrays import UnstorableError
from geocn.project.effort import with_effort
from geocn.project.reading import Progress
from geocn.project.results import Result, Results, World, find
from geocn.project.uses import contents, narrowed

# The instant by which events of a layer fall into periods.
_TIME = {"seizures": "seized_at", "routes": "first_seen", "interventions": "starts_on"}


def compute(
    specs: Iterable[Analysis],
    world: World,
    *,
    progress: Progress,
    cache: Cache | None = None,
    keep_going: bool = False,
) -> Results:
    """Run the analyses in order; one may use the results of those before it.

    An analysis is skipped, and the reason kept, where ``world`` does not hold what it needs.
    With a ``cache``, it is computed only where something that it uses is new. With
    ``keep_going``, one that fails is told in ``failed``, and the others go on.

    Raises
    ------
    GeocnError
        As the analyses do.
    """
    results = Results()
    for spec in specs:
        reason = missing(spec, world, results)
        if reason:
            results.skipped[spec.name] = reason
            continue
        progress(f"{spec.name}")
        try:
            done, found = analysis_entry(spec, world, results, cache=cache)
        except GeocnError as error:
            if not keep_going:
                raise
            results.failed[spec.name] = str(error)
            continue
        results.done[spec.name] = done
        if found:
            results.cached.append(spec.name)
    return results


def analysis_entry(
    spec: Analysis, world: World, results: Results, *, cache: Cache | None = None
) -> tuple[Result, bool]:
    """Return the result of one analysis, and whether it stood in the cache.

    The analysis sees what :func:`geocn.project.uses.uses` names and nothing else; the same
    names make its key. Another process may call this to fill a cache beforehand.
    """
    seen, before = narrowed(spec, world, results)

    def make() -> Result:
        done: Result = _RUNNERS[type(spec)](spec, seen, before)
        return done

    key = None if cache is None else analysis_key(spec, world, results, cache)
    if cache is None or key is None:
        return make(), False
    done = cache.get(key)
    if isinstance(done, Result):
        return done, True
    made = make()
    # A search that the clock ended may find more the next time.
    if getattr(made.whole, "status", "") not in ("time limit", "interrupted"):
        cache.put(key, made)
    return made, False


def analysis_key(spec: Analysis, world: World, results: Results, cache: Cache) -> str | None:
    """Name the result of an analysis after its options and the content of what it uses.

    None where something that it uses has no form in the cache.
    """
    try:
        held = {
            label: one if label == "as_of" else cache.digest(one)
            for label, one in contents(spec, world, results)
        }
    except UnstorableError:
        return None
    asked_for = spec.model_dump(mode="json", by_alias=True)
    return cache.key("analysis", {"spec": asked_for, "uses": held})


def missing(spec: Analysis, world: World, results: Results) -> str | None:
    """Say what an analysis lacks in this world, None where it has all that it needs."""
    for need in spec.needs():
        held = find(need.name, need.kinds, world, results)
        if held is None:
            return f"needs {need.name}, which is not held here"
        absent = [c for c in need.columns if isinstance(held, pd.DataFrame) and c not in held]
        if absent:
            return f"needs {', '.join(absent)} of {need.name}, which is not held here"
        if "geometry" in need.columns and _placeless(held):
            return f"no row of {need.name} has a place"
    return None


def _placeless(held: Any) -> bool:
    return isinstance(held, gpd.GeoDataFrame) and bool(held.geometry.isna().all())


def _hotspots(spec: asked.Hotspots, world: World, results: Results) -> Result:
    events = (
        _once(world.layers[spec.layer]) if spec.duplicates == "once" else world.layers[spec.layer]
    )
    if spec.grid is not None:
        cells = hotspots.make_grid(events, cell_size_km=spec.grid.cell_km, kind=spec.grid.kind)
    else:
        cells = world.places[str(spec.areas)].rename(columns={"code": "admin_code"})
    sites, seen = world.layers.get("interventions"), [events[_TIME[spec.layer]]]
    cells, effort = with_effort(cells, spec.effort, sites, times=seen)
    shapes = _shapes(world.places)
    counted = hotspots.count_events(
        events, cells, weight=spec.weight, places=shapes, seed=spec.seed
    )
    frame = hotspots.getis_ord(
        counted,
        f"total_{spec.weight}" if spec.weight else "n_events",
        neighbours=_neighbours(spec.neighbours),
        star=spec.star,
        exposure=spec.exposure or effort,
        inference=spec.inference,
        permutations=spec.permutations,
        alpha=spec.alpha,
        correction=spec.correction,
        seed=spec.seed,
    )
    more = {}
    if spec.by_period is not None:
        more["periods"] = hotspots.count_events(
            events,
            cells,
            weight=spec.weight,
            by_period=spec.by_period,
            time=_TIME[spec.layer],
            places=shapes,
            seed=spec.seed,
        )
    return Result(spec.name, spec.kind, _as_published(frame), _published(more))


def _shapes(places: dict[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame | None:
    """Areas by ``admin_code``, in which events known only to an area may lie."""
    areas = [
        frame.loc[frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"]), ["code", "geometry"]]
        for frame in places.values()
        if "code" in frame
    ]
    known = [frame.to_crs("EPSG:4326") for frame in areas if len(frame)]
    if not known:
        return None
    return pd.concat(known).rename(columns={"code": "admin_code"}).drop_duplicates("admin_code")


def _published(more: dict[str, gpd.GeoDataFrame]) -> dict[str, pd.DataFrame]:
    return {name: _as_published(frame) for name, frame in more.items()}


def _as_published(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Leave out the counts of each imputation: what they say together stands in the result."""
    return frame.drop(columns=[name for name in frame if "_imputed_" in str(name)])


def _once(events: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep the first row of each group of likely duplicates."""
    group = events["duplicate_group"]
    return events[group.isna() | ~group.duplicated()]


def _neighbours(spec: asked.Neighbours) -> Any:
    if isinstance(spec, asked.Nearest):
        return hotspots.knn(spec.nearest)
    if isinstance(spec, asked.Within):
        return spec.within_km * 1000
    return spec


def _border_hotspots(spec: asked.BorderHotspots, world: World, results: Results) -> Result:
    # Which country a route is in follows from all borders; the study area bounds the test.
    borders = world.layers.get("borders")
    borders = layers.read_borders() if borders is None else borders
    routes, posts = world.layers["routes"], world.places.get(str(spec.posts))
    reach: dict[str, Any] = {"posts": posts, "post_reach_m": spec.post_reach_km * 1000}
    crossings = hotspots.border_crossings(
        routes, borders, min_excursion_m=spec.min_excursion_m, **reach
    )
    study = borders[_between(borders["dyad"], spec.countries)]
    segments = hotspots.border_segments(study, length_km=spec.segment_km, **reach)
    seizures = None if spec.evidence == "crossings" else world.layers["seizures"]
    times = [routes["first_seen"], routes["last_seen"]]
    times += [] if seizures is None else [seizures["seized_at"]]
    sites = world.layers.get("interventions")
    segments, effort = with_effort(segments, spec.effort, sites, times=times)
    used = ("crossings", "seizures") if spec.evidence == "both" else (spec.evidence,)
    frame = hotspots.border_hotspots(
        crossings[_between(crossings["dyad"], spec.countries)],
        segments,
        seizures=seizures,
        exposure=effort,
        places=_shapes(world.places),
        method=_border_method(spec),
        weights={
            kind: weight for kind, weight in spec.weights.model_dump().items() if kind in used
        },
        reach_km=spec.reach_km,
        step=spec.step,
        alpha=spec.alpha,
        correction=spec.correction,
        seed=spec.seed,
    )
    return Result(spec.name, spec.kind, frame, {"crossings": crossings})


def _border_method(spec: asked.BorderHotspots) -> Any:
    if spec.method == "scan":
        return hotspots.BorderScan(max_segments=spec.max_segments, permutations=spec.permutations)
    if spec.method == "kernel":
        return hotspots.BorderKernel(bandwidth_km=spec.bandwidth_km)
    if spec.method == "empirical_bayes":
        return hotspots.BorderBayes(factor=spec.factor, neighbours_km=spec.neighbours_km)
    return hotspots.BorderPoisson()


def _between(dyads: pd.Series, countries: tuple[str, ...]) -> pd.Series:
    """Say which dyads lie between two of ``countries``, or touch the only one."""
    wanted, least = set(countries), min(len(countries), 2)
    shared = [len(wanted & set(str(dyad).split("-"))) >= least for dyad in dyads]
    return pd.Series(shared, index=dyads.index, dtype=bool)


def _corridors(spec: asked.Corridors, world: World, results: Results) -> Result:
    frame = corridors.aggregate_routes(
        world.layers["routes"], cell_m=spec.cell_km * 1000, min_sources=spec.min_sources
    )
    return Result(spec.name, spec.kind, frame)


def _least_cost(spec: asked.LeastCostCorridors, world: World, results: Results) -> Result:
    friction = world.rasters[spec.friction]
    origins, destinations = _points(spec.origins), _points(spec.destinations)
    options: dict[str, Any] = {"neighbours": spec.neighbours, "pairs": spec.pairs}
    frame = corridors.least_cost_corridors(
        friction, origins, destinations, tolerances=spec.tolerances, **options
    )
    paths = corridors.least_cost_paths(friction, origins, destinations, **options)
    surface = corridors.cost_surface(friction, origins, neighbours=spec.neighbours)
    rasters = {"accumulated cost": surface["accumulated"]}
    return Result(spec.name, spec.kind, frame, {"paths": paths}, rasters)


def _points(places: Iterable[Place]) -> gpd.GeoDataFrame:
    listed = list(places)
    geometry = gpd.points_from_xy([p.longitude for p in listed], [p.latitude for p in listed])
    index = pd.Index([p.name for p in listed], dtype="str")
    return gpd.GeoDataFrame(geometry=geometry, index=index, crs="EPSG:4326")


def _zonal(spec: asked.Zonal, world: World, results: Results) -> Result:
    zones = find(spec.zones, ("places", "layer"), world, results)
    frame = cultivation.zonal_stats(zones, world.rasters[spec.raster], stats=spec.stats)
    return Result(spec.name, spec.kind, frame)


_RUNNERS: dict[type, Callable[[Any, World, Results], Result]] = {
    asked.Hotspots: _hotspots,
    asked.BorderHotspots: _border_hotspots,
    asked.Corridors: _corridors,
    asked.LeastCostCorridors: _least_cost,
    asked_planning.Coverage: planning.assess_coverage,
    asked_planning.Siting: planning.choose_sites,
    asked_planning.CultivationChange: planning.change_of_cultivation,
    asked_planning.ComparePeriods: planning.compare_two_periods,
    asked.Zonal: _zonal,
}
