"""What an analysis uses: it is given no more than that, so nothing else can shape its result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from geocn.project import analyses as asked
from geocn.project import analyses_planning as planning
from geocn.project.analysis import Analysis
from geocn.project.results import Results, World

Use = tuple[str, str]


def uses(spec: Analysis, world: World, results: Results) -> list[Use]:
    """Return what ``spec`` uses of a world and of earlier results, as (kind, name), sorted."""
    return sorted(set(_used(spec, world, results)))


def _used(spec: Analysis, world: World, results: Results) -> Iterator[Use]:
    for need in spec.needs():
        for kind in need.kinds:
            if need.name in _shelf(kind, world, results):
                yield kind, need.name
                break
    if isinstance(spec, (asked.Hotspots, asked.BorderHotspots)):
        # Events known only to an area are spread over it, whichever places hold that area.
        yield from (("places", name) for name in world.places)
    if isinstance(spec, asked.BorderHotspots) and "borders" in world.layers:
        yield "layer", "borders"
    if isinstance(spec, (planning.Coverage, planning.Siting)):
        yield "as_of", str(world.as_of)


def _shelf(kind: str, world: World, results: Results) -> Any:
    shelves = {"layer": world.layers, "places": world.places, "raster": world.rasters}
    return shelves.get(kind, results.done)


def narrowed(spec: Analysis, world: World, results: Results) -> tuple[World, Results]:
    """Return only what ``spec`` uses, of the world and of earlier results."""
    used = uses(spec, world, results)

    def of(kind: str, shelf: dict[str, Any]) -> dict[str, Any]:
        return {name: one for name, one in shelf.items() if (kind, name) in used}

    seen = World(
        of("layer", world.layers),
        of("raster", world.rasters),
        of("places", world.places),
        world.as_of if any(kind == "as_of" for kind, _ in used) else None,
    )
    return seen, Results(of("analysis", results.done))


def contents(spec: Analysis, world: World, results: Results) -> Iterator[tuple[str, Any]]:
    """Yield what ``spec`` uses as (label, object)."""
    for kind, name in uses(spec, world, results):
        if kind == "as_of":
            yield "as_of", name
        else:
            yield f"{kind} {name}", _shelf(kind, world, results)[name]
