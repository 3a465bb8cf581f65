"""Shapes of scanning windows: circles, and ellipses of several lengths and directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geocn._typing import FloatArray
from geocn.errors import ParameterError


@dataclass(frozen=True)
class Shape:
    """One ellipse: long axis over short axis, its direction, and what ratios are worth.

    ``angle`` is that of the long axis in radians, anticlockwise from the first coordinate.
    """

    axes: float = 1.0
    angle: float = 0.0
    factor: float = 1.0

    def stretched(self, xy: FloatArray) -> FloatArray:
        """Coordinates in which the ellipse is a circle with its short axis for radius."""
        if self.axes == 1.0:
            return xy
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        along = (xy[:, 0] * cos + xy[:, 1] * sin) / self.axes
        return np.column_stack([along, xy[:, 1] * cos - xy[:, 0] * sin])

    @property
    def bearing_deg(self) -> float:
        """Direction of the long axis, clockwise from the second coordinate, 0 to 180."""
        return float((90.0 - np.degrees(self.angle)) % 180.0)


CIRCLE = Shape()


@dataclass(frozen=True)
class Ellipses:
    r"""Ellipses to scan with (Kulldorff, Huang, Pickle & Duczmal 2006).

    Attributes
    ----------
    axes : tuple of float
        Long axis over short axis, 1 or more; 1 is the circle.
    angles : tuple of int
        How many directions are tried for each of ``axes``.
    penalty : float
        Ratios are multiplied by :math:`(4 s / (s + 1)^2)^a` with s of ``axes`` and a the
        penalty, so that a long ellipse must earn its length: 0 none, 0.5 medium, 1 strong.

    Raises
    ------
    ParameterError
        Where a value is out of range or the lengths differ.

    References
    ----------
    Kulldorff et al. 2006, doi:10.1002/sim.2490.

    Examples
    --------
    >>> len(Ellipses().shapes()), Ellipses(axes=(1, 2), angles=(1, 2), penalty=0).shapes()[2]
    (47, Shape(axes=2.0, angle=1.5707963267948966, factor=1.0))
    """

    axes: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
    angles: tuple[int, ...] = (1, 4, 6, 9, 12, 15)
    penalty: float = 0.5

    def __post_init__(self) -> None:
        faults = []
        if len(self.axes) != len(self.angles) or not self.axes:
            faults.append(f"{len(self.axes)} axes and {len(self.angles)} angles; one of each")
        if not all(np.isfinite(s) and s >= 1 for s in self.axes):
            faults.append(f"axes {self.axes}; 1 or more is expected")
        if not all(n == int(n) and n >= 1 for n in self.angles):
            faults.append(f"angles {self.angles}; whole numbers from 1 are expected")
        if not (np.isfinite(self.penalty) and self.penalty >= 0):
            faults.append(f"penalty {self.penalty}; 0 or more is expected")
        if faults:
            raise ParameterError("; ".join(faults))

    def shapes(self) -> tuple[Shape, ...]:
        """Every ellipse; a circle once, whatever number of angles it is given."""
        return tuple(
            Shape(float(s), float(np.pi * k / n), float((4 * s / (s + 1) ** 2) ** self.penalty))
            for s, n in zip(self.axes, self.angles, strict=True)
            for k in range(1 if s == 1 else n)
        )
