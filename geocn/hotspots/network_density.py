"""Density of events along the lines of a network, such as roads, rivers or a border."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geocn._kernels.network_density import (
    CONTINUOUS,
    DISCONTINUOUS,
    GAUSSIAN,
    QUARTIC,
    simple_mass,
    split_mass,
)
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots.imputation import IMPUTATIONS, check_imputations
from geocn.hotspots.smoothing import SUPPORT, Kernel
from geocn.hotspots.weighted_places import WeightedPlaces, weigh_places, with_passes
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, require_crs
from geocn.spatial.network import Network
from geocn.spatial.network_build import build_network

Method = Literal["simple", "discontinuous", "continuous"]
_METHODS = ("simple", "discontinuous", "continuous")
_NAME = "network_kernel_density"
_MOST_LIXELS = 50_000_000


def network_kernel_density(
    lines: gpd.GeoDataFrame | Network,
    events: gpd.GeoDataFrame,
    *,
    bandwidth_m: float,
    lixel_m: float,
    kernel: Kernel = "quartic",
    method: Method = "discontinuous",
    snap_m: float | None = None,
    weight: str | None = None,
    exposure: gpd.GeoDataFrame | None = None,
    imputations: int = IMPUTATIONS,
    seed: int = 0,
    places: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    r"""Smooth events along a network into a density per metre of line.

    .. math:: \hat f(x) = \sum_i \frac{m_i}{h} \sum_{\pi: s_i \to x} c_\pi
              K\Bigl(\frac{|\pi|}{h}\Bigr), \qquad
              K(u) = \tfrac{15}{16} (1 - u^2)^2 \text{ or } \frac{e^{-u^2 / 2}}{\sqrt{2 \pi}}

    with weights m and bandwidth h. The ``simple`` density takes the shortest path alone, c = 1:
    it counts an event anew in every branch, and so sums to more than the events. The other two
    follow all paths. At a node of n edges a ``discontinuous`` kernel passes 1 / (n - 1) to each
    other edge; a ``continuous`` one passes 2 / n to each other edge and returns 2 / n - 1. Both
    turn round at dead ends. They sum to the events that lie on the network.

    Parameters
    ----------
    lines : GeoDataFrame or Network
        Lines, made a network by :func:`geocn.spatial.network_build.build_network` with its
        defaults, or a network that was made with other options.
    events : GeoDataFrame
        Points; areas and lines count as imprecise points.
    bandwidth_m : float
        In metres along the network: where the quartic kernel ends, or one standard
        deviation of the Gaussian (cut off at five).
    lixel_m : float
        Length of the pieces of result. Each edge is cut into equal pieces as near to it
        as may be; an edge shorter than that is one piece.
    kernel : {"quartic", "gaussian"}
        Kind of kernel.
    method : {"discontinuous", "continuous", "simple"}
        What a kernel does at nodes.
    snap_m : float, optional
        Events further from the network take no part and are counted; by default
        ``bandwidth_m``.
    weight : str, optional
        Numeric column of the events to smooth in place of their number (null counts as 0).
    exposure : GeoDataFrame, optional
        The result of this function for what events should be proportional to, such as
        patrols, on the same network with the same ``lixel_m``; gives ``rate`` and
        ``relative_risk``.
    imputations : int
        Number of places of an event known less exactly than ``bandwidth_m``. Of these
        places those within ``snap_m`` of the network stand for the event.
    seed : int
        Seed of the places.
    places : GeoDataFrame, optional
        Areas by ``admin_code``, in which imprecise events of that code are placed.

    Returns
    -------
    GeoDataFrame
        One row a lixel, in the CRS of the network: ``line`` (index of the row of ``lines``),
        ``edge``, ``from_m`` and ``to_m`` along the edge, ``length_m``; ``density_per_m``, the
        mean over the lixel; ``density_sd``, its standard deviation between imputations, by
        Rubin's factor (1 + 1/m) on the variance; ``imprecise_share`` of the density, NaN where
        there is none; ``exposure_per_m``, ``rate`` (density over exposure, NaN where that
        is 0) and ``relative_risk`` (rate over the rate of the whole network), NaN without
        ``exposure``; geometry. ``attrs["geocn"]`` counts events used and left out by reason,
        and holds the report of the network.

    Raises
    ------
    ParameterError
        Where an option is out of range.
    LayerError, SchemaError, CRSError, CoordinateError, GeometryError
        Where weights are negative or infinite, exposure does not fit, a CRS is missing,
        coordinates lie nowhere on Earth, or the lines are no lines.

    References
    ----------
    Okabe & Sugihara 2012, Spatial analysis along networks, doi:10.1002/9781119967101;
    Okabe, Satoh & Sugihara 2009, doi:10.1080/13658810802475491; McSwiggan, Baddeley & Nair
    2017, doi:10.1111/sjos.12255 (the continuous kernel); Rubin 1987,
    doi:10.1002/9780470316696 (imputation).

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> roads = [shapely.LineString([(0, -1), (0, 1)]), shapely.LineString([(-1, 0), (1, 0)])]
    >>> roads = gpd.GeoDataFrame(geometry=roads, crs=4326)
    >>> seizure = gpd.GeoDataFrame(geometry=[shapely.Point(0.1, 0)], crs=4326)
    >>> lixels = network_kernel_density(roads, seizure, bandwidth_m=30_000, lixel_m=1_000)
    >>> round(float((lixels["density_per_m"] * lixels["length_m"]).sum()), 9)
    1.0
    """
    snap = bandwidth_m if snap_m is None else snap_m
    _check_options(bandwidth_m, lixel_m, kernel, method, snap)
    check_imputations(imputations)
    require_crs(events, "events")
    network = lines if isinstance(lines, Network) else build_network(lines)
    lixels = _Lixels.of(network, lixel_m)
    crs = _plane(network, events)
    found = weigh_places(
        events,
        crs,
        weight=weight,
        finer_than_m=bandwidth_m,
        imprecise="spread",
        imputations=imputations,
        seed=seed,
        places=places,
        analysis=_NAME,
    )
    smoother = _Smoother(network, lixels, bandwidth_m, kernel, method)
    columns, n_far = _densities(found, crs, smoother, snap)
    columns |= _against(exposure, columns["density_per_m"], lixels)
    return attach(
        lixels.frame(network, columns),
        "hotspots.network_kernel_density",
        bandwidth_m=bandwidth_m,
        lixel_m=lixel_m,
        kernel=kernel,
        method_option=method,
        snap_m=snap,
        weight=weight,
        exposure=exposure is not None,
        imputations=imputations,
        seed=seed,
        places=places is not None,
        crs=network.crs,
        network={name: getattr(network.report, name) for name in network.report.__slots__},
        n_events_in=len(events),
        n_used=found.n_events - n_far,
        n_imprecise=len(found.vague_weight),
        imprecise_share=found.imprecise_share,
        left_out=found.left_out | {"off_network": n_far},
        mass=float((columns["density_per_m"] * lixels.length_m).sum()),
    )


def _check_options(
    bandwidth_m: float, lixel_m: float, kernel: str, method: str, snap_m: float
) -> None:
    faults = [
        f"{name} is {value!r}, not a positive number of metres"
        for name, value in (("bandwidth_m", bandwidth_m), ("lixel_m", lixel_m))
        if not (np.isfinite(value) and value > 0)
    ]
    if not (np.isfinite(snap_m) and snap_m >= 0):
        faults.append(f"snap_m is {snap_m!r}, not 0 or more metres")
    if kernel not in SUPPORT:
        faults.append(f"kernel {kernel!r} is not one of {', '.join(SUPPORT)}")
    if method not in _METHODS:
        faults.append(f"method {method!r} is not one of {', '.join(_METHODS)}")
    if faults:
        raise ParameterError("; ".join(faults))


@dataclass(frozen=True, slots=True)
class _Lixels:
    """Equal pieces of each edge; those of edge e are ``first[e]`` to ``first[e + 1] - 1``."""

    first: IntArray
    edge: IntArray
    from_m: FloatArray
    to_m: FloatArray

    @classmethod
    def of(cls, network: Network, lixel_m: float) -> _Lixels:
        count = np.maximum(np.rint(network.length_m / lixel_m), 1.0)
        if count.sum() > _MOST_LIXELS:
            raise ParameterError(
                f"lixel_m={lixel_m:g} makes {count.sum():,.0f} lixels, more than "
                f"{_MOST_LIXELS:,}; choose longer ones"
            )
        first = np.append(0, np.cumsum(count)).astype(np.int64)
        edge = np.repeat(np.arange(len(count)), np.diff(first))
        number, step = np.arange(len(edge)) - first[edge], network.length_m[edge] / count[edge]
        # The last one ends where its edge does, to the last bit.
        to_m = np.where(number + 1 == count[edge], network.length_m[edge], (number + 1) * step)
        return cls(first, edge, number * step, to_m)

    @property
    def length_m(self) -> FloatArray:
        """Metres of each."""
        return self.to_m - self.from_m

    def frame(self, network: Network, columns: dict[str, FloatArray]) -> gpd.GeoDataFrame:
        data = pd.DataFrame(
            {
                "line": network.labels.take(network.row[self.edge]),
                "edge": self.edge,
                "from_m": self.from_m,
                "to_m": self.to_m,
                "length_m": self.length_m,
                **columns,
            }
        )
        geometry = network.cut(self.edge, self.from_m, self.to_m)
        return gpd.GeoDataFrame(data, geometry=geometry, crs=network.crs)


def _plane(network: Network, events: gpd.GeoDataFrame) -> pyproj.CRS:
    """CRS in which imprecise events are placed: that of a plane network, else equal-area."""
    if network.crs.is_projected:
        return network.crs
    if not len(network.node_xy):
        return equal_area_crs(events)
    nodes = gpd.GeoSeries(shapely.points(network.node_xy), crs=network.crs)
    return equal_area_crs(nodes)


@dataclass(frozen=True)
class _Smoother:
    """What every summing of kernels on one network has in common."""

    network: Network
    lixels: _Lixels
    bandwidth_m: float
    kernel: Kernel
    method: Method

    def __call__(self, edge: IntArray, at: FloatArray, weight: FloatArray) -> FloatArray:
        """Return the density per metre of each lixel."""
        network = self.network
        # Events at one place are one event of their weight; the order of rows does not matter.
        order = np.lexsort((at, edge))
        edge, at, weight = edge[order], at[order], weight[order]
        is_new = np.diff(edge, prepend=-1) != 0
        is_new[1:] |= np.diff(at) != 0
        first = np.flatnonzero(is_new)
        summed = np.add.reduceat(weight, first) if len(first) else weight
        start, leaving = network.arcs
        head = np.column_stack([network.v, network.u]).ravel()
        given = (
            edge[first],
            np.clip(at[first], 0, network.length_m[edge[first]]),
            summed,
            start,
            leaving,
            head,
            network.length_m,
            self.lixels.first,
            float(self.bandwidth_m),
            float(self.bandwidth_m * SUPPORT[self.kernel]),
            QUARTIC if self.kernel == "quartic" else GAUSSIAN,
        )
        if self.method == "simple":
            mass = simple_mass(*given)
        else:
            rule = CONTINUOUS if self.method == "continuous" else DISCONTINUOUS
            mass = split_mass(*given, rule)
        density: FloatArray = mass / self.lixels.length_m
        return density


def _densities(
    found: WeightedPlaces, crs: pyproj.CRS, smoother: _Smoother, snap_m: float
) -> tuple[dict[str, FloatArray], int]:
    """Density, its deviation and imprecise part; and the events too far from the network."""
    edge, at, near = _on_network(found.xy, crs, smoother.network, snap_m)
    exact = smoother(edge[near], at[near], found.weight[near])
    n_far = int((~near).sum())
    m, k = found.vague_xy.shape[:2]
    passes: Iterable[FloatArray] = ()
    if k:
        flat = _on_network(found.vague_xy.reshape(m * k, 2), crs, smoother.network, snap_m)
        nears = flat[2].reshape(m, k)
        kept = nears.any(axis=0)
        n_far += int((~kept).sum())
        chosen = _stand_ins(nears)
        edges = np.take_along_axis(flat[0].reshape(m, k), chosen, axis=0)
        ats = np.take_along_axis(flat[1].reshape(m, k), chosen, axis=0)
        weight = found.vague_weight[kept]
        passes = (smoother(edges[i][kept], ats[i][kept], weight) for i in range(m))
    total, deviation, share = with_passes(exact, passes)
    return {"density_per_m": total, "density_sd": deviation, "imprecise_share": share}, n_far


def _stand_ins(near: BoolArray) -> IntArray:
    """For each imputation of each event, the one that stands in for it: itself if on the network.

    Those that are not take the successful ones in turn.
    """
    m = len(near)
    good = np.argsort(~near, axis=0, kind="stable")
    count = np.maximum(near.sum(axis=0), 1)
    turn = np.cumsum(~near, axis=0) - 1
    stand_in = np.take_along_axis(good, turn % count, axis=0)
    chosen: IntArray = np.where(near, np.arange(m)[:, None], stand_in)
    return chosen


def _on_network(
    xy: FloatArray, crs: pyproj.CRS, network: Network, snap_m: float
) -> tuple[IntArray, FloatArray, BoolArray]:
    if crs != network.crs and len(xy):
        turn = pyproj.Transformer.from_crs(crs, network.crs, always_xy=True)
        xy = np.column_stack(turn.transform(xy[:, 0], xy[:, 1]))
    placed = network.place_xy(xy, reach_m=snap_m)
    return placed.edge, placed.offset_m, placed.edge >= 0


def _against(
    exposure: gpd.GeoDataFrame | None, density: FloatArray, lixels: _Lixels
) -> dict[str, FloatArray]:
    """Columns that compare the density with exposure."""
    names = ("exposure_per_m", "rate", "relative_risk")
    if exposure is None:
        return {name: np.full(len(density), np.nan) for name in names}
    needed = {"edge": lixels.edge, "from_m": lixels.from_m, "to_m": lixels.to_m}
    missing = [name for name in (*needed, "density_per_m") if name not in exposure]
    expected = "the result of network_kernel_density on this network with this lixel_m"
    if missing:
        raise SchemaError("exposure", found=f"no {', '.join(missing)}", expected=expected)
    if len(exposure) != len(density) or not all(
        np.allclose(exposure[name], values) for name, values in needed.items()
    ):
        raise LayerError("exposure", found="other lixels", expected=expected)
    exposed = exposure["density_per_m"].to_numpy(dtype=float)
    bad = ~(exposed >= 0) | np.isinf(exposed)
    if bad.any():
        raise LayerError(
            "exposure", found="negative, infinite or no density", expected="0 or more",
            rows=list(exposure.index[bad]),
        )  # fmt: skip
    rate = np.divide(density, exposed, out=np.full_like(density, np.nan), where=exposed > 0)
    length = lixels.length_m
    total, events = float((exposed * length).sum()), float((density * length).sum())
    risk = rate * (total / events) if events > 0 else np.full_like(rate, np.nan)
    return {"exposure_per_m": exposed, "rate": rate, "relative_risk": risk}
