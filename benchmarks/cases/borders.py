"""Where routes cross the borders of the world."""

from __future__ import annotations

from benchmarks.case import Case

_ROUTES = """
import numpy as np, geopandas as gpd, shapely
def walks(n, vertices=30):
    rng = np.random.default_rng(0)
    start = np.column_stack([rng.uniform(-92, -62, n), rng.uniform(-5, 20, n)])
    turn = rng.uniform(0, 2 * np.pi, (n, 1)) + np.cumsum(rng.normal(0, 0.4, (n, vertices)), axis=1)
    steps = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * 0.08
    lines = shapely.linestrings(start[:, None] + np.cumsum(steps, axis=1))
    return gpd.GeoDataFrame(geometry=lines, crs=4326)
"""

_OURS = """
from geocn.hotspots import border_crossings
routes = walks({n})
border_crossings(routes.iloc[:10])
#--
print(len(border_crossings(routes)))
"""

# What a user of geopandas writes: every boundary of a country against every route. It finds
# points, each land border twice and coasts as well, and tells neither country nor direction.
_PEER = """
from geocn.spatial.borders import load_countries
routes, edges = walks({n}), load_countries("10m").boundary
#--
route, country = edges.sindex.query(routes.geometry, predicate="intersects")
points = routes.geometry.iloc[route].intersection(edges.iloc[country], align=False)
print(len(points.explode()))
"""


def _case(name: str, n: int, limit: float | None = None, *, peer: bool = True) -> Case:
    def code(text: str) -> str:
        return _ROUTES + text.replace("{n}", str(n))

    return Case(
        f"border crossings: {name} × borders 1:10 million, borders loaded",
        code(_OURS),
        code(_PEER) if peer else "",
        "geopandas, route × country.boundary" if peer else "",
        limit_cpu_s=limit,
    )


_COLD = Case(
    "border crossings: 20,000 routes × borders 1:10 million, borders not yet loaded",
    _ROUTES
    + """
from geocn.hotspots import border_crossings
routes = walks(20_000)
#--
print(len(border_crossings(routes)))
""",
)

_AREAS = Case(
    "borders of 258 countries (1:50 million), simplified one by one, gaps and overlaps repaired",
    """
import shapely
from geocn.spatial.borders import load_countries
from geocn.spatial.border_repair import borders_from_countries
countries = load_countries("50m")
rough = shapely.make_valid(shapely.simplify(countries.geometry.to_numpy(), 0.01))
countries = countries.assign(geometry=rough)
#--
print(len(borders_from_countries(countries, snap_m=2000)))
""",
)

CASES = (
    _case("1,000 routes", 1_000),
    _case("20,000 routes", 20_000, 0.5),
    _case("1 M vertices (33,334 routes)", 33_334, 5.0, peer=False),
    _case("100,000 routes", 100_000, peer=False),
    _COLD,
    _AREAS,
)
