"""How travel is counted, and what reaching by travel found."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import xarray as xr

from geocn._typing import FloatArray, ObjectArray
from geocn.errors import ParameterError
from geocn.spatial.cost_slope import SlopeLike

_NETWORK_SNAP_M = 1000.0


@dataclass(frozen=True)
class TravelRules:
    """How :func:`geocn.coverage.reach` counts travel.

    Parameters
    ----------
    neighbours : {16, 8}
        Steps out of a cell of the friction raster, as in
        :func:`geocn.corridors.cost_surface`.
    elevation : xarray.DataArray, optional
        Metres, on the cells of the friction, where its slopes are not in it already.
    slope : str, callable or table
        Factor of time by slope; see :func:`geocn.spatial.cost_slope.slope_factors`.
    towards : bool
        Travel is to the site, as that of patients, and not out of it, as that of patrols.
        It matters on slopes and on one-way lines.
    snap_m : float, optional
        How far a site may stand from the nearest passable cell (None: not at all) or the
        nearest line of the network (None: 1000 m). The way there costs nothing on friction;
        on a network it counts.
    access_kmh : float
        Pace on that way to a network, where minutes count. 5 km/h is walking on level
        ground (Tobler 1993).
    half_width_m : float
        How far from a line of the network its traffic reaches.
    shape : {"area", "lines"}
        What a network reach is: that area, or the lines themselves, cut at the limit.

    Raises
    ------
    ParameterError
        Names every rule that is out of range.

    Examples
    --------
    >>> TravelRules(snap_m=500.0).neighbours
    16
    """

    neighbours: Literal[16, 8] = 16
    elevation: xr.DataArray | None = None
    slope: SlopeLike = "tobler"
    towards: bool = False
    snap_m: float | None = None
    access_kmh: float = 5.0
    half_width_m: float = 500.0
    shape: Literal["area", "lines"] = "area"

    def __post_init__(self) -> None:
        faults = []
        if self.neighbours not in (8, 16):
            faults.append(f"neighbours is {self.neighbours!r}; choose 8 or 16")
        if self.shape not in ("area", "lines"):
            faults.append(f"shape is {self.shape!r}; choose 'area' or 'lines'")
        if self.snap_m is not None and not 0 <= self.snap_m < np.inf:
            faults.append(f"snap_m is {self.snap_m!r}; give metres of 0 or more")
        faults += [
            f"{name} is {value!r}; give a number above 0"
            for name, value in (
                ("access_kmh", self.access_kmh),
                ("half_width_m", self.half_width_m),
            )
            if not 0 < value < np.inf
        ]
        if faults:
            raise ParameterError("; ".join(faults))

    @property
    def network_snap_m(self) -> float:
        """How far a site may stand from a network."""
        return _NETWORK_SNAP_M if self.snap_m is None else self.snap_m

    def record(self) -> dict[str, Any]:
        """Return the rules as plain values."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        given = self.slope if isinstance(self.slope, str) else "given"
        return plain | {"elevation": self.elevation is not None, "slope": given}


@dataclass(frozen=True)
class Travelled:
    """Areas reached by travel, one entry a row that was asked for.

    ``shapes`` is None where nothing was reached, and ``note`` then says why; ``snapped_m``
    is how far the row was moved to where it starts; ``certain`` and ``possible`` are the
    areas reached wherever in its precision the site stands, or somewhere in it.
    """

    shapes: ObjectArray
    note: ObjectArray
    snapped_m: FloatArray
    certain: ObjectArray
    possible: ObjectArray
    length_km: FloatArray
    record: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, n: int, record: dict[str, Any]) -> Travelled:
        """Nothing reached yet by ``n`` rows."""
        shapes, note, certain, possible = (np.full(n, None, dtype=object) for _ in range(4))
        return cls(shapes, note, np.full(n, np.nan), certain, possible, np.full(n, np.nan), record)
