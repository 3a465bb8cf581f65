"""What can go wrong, as types a caller can catch.

Every error derives from :class:`GeocnError` and from the standard-library type a
caller would expect. A message about data always says the same five things: which
layer, which rows, what was found, what was expected and how to repair it.
"""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN_ROWS = 3


class GeocnWarning(UserWarning):
    """Root of the warnings that geocn gives."""


class RejectedRowsWarning(GeocnWarning):
    """Some rows of a layer were left out; the message counts them by reason."""


class AssumptionWarning(GeocnWarning):
    """Something ambiguous was read one way; the message says which and how to override it."""


class ReleaseWarning(GeocnWarning):
    """A release leaves nothing of a layer; the message says which rules held it back."""


class GeocnError(Exception):
    """Root of every error that geocn raises."""


class LayerError(GeocnError, ValueError):
    """A layer does not hold what its schema or an analysis expects.

    Parameters
    ----------
    layer : str
        The layer, file or parameter that is at fault.
    found, expected, repair : str
        What was found, what was expected, and what the user can do next.
    rows : sequence, optional
        Labels of all rows at fault; the message shows their number and the first three.
    """

    def __init__(
        self,
        layer: str,
        *,
        found: str,
        expected: str = "",
        repair: str = "",
        rows: Sequence[object] = (),
    ) -> None:
        self.layer, self.found, self.expected, self.repair = layer, found, expected, repair
        self.rows = list(rows)
        super().__init__(_sentence(layer, found, expected, repair, self.rows))

    def __reduce__(self) -> tuple[object, ...]:
        told = {"found": self.found, "expected": self.expected, "repair": self.repair}
        return _restore, (type(self), self.layer, told, self.rows)


def _restore(
    kind: type[LayerError], layer: str, told: dict[str, str], rows: list[object]
) -> object:
    """Bring an error back that another process raised."""
    return kind(layer, rows=rows, **told)


def _sentence(layer: str, found: str, expected: str, repair: str, rows: list[object]) -> str:
    where = ""
    if rows:
        first = ", ".join(str(row) for row in rows[:_SHOWN_ROWS])
        more = ", …" if len(rows) > _SHOWN_ROWS else ""
        where = f" ({len(rows)} row{'s' if len(rows) > 1 else ''}: {first}{more})"
    parts = [f"{layer}{where}: found {found}"]
    if expected:
        parts.append(f"expected {expected}")
    message = "; ".join(parts) + "."
    return f"{message} {repair}" if repair else message


class SchemaError(LayerError):
    """A column is missing, doubled, or holds the wrong kind of value."""


class CRSError(LayerError):
    """The coordinate reference system is missing, unknown or does not fit."""


class CoordinateError(LayerError):
    """Coordinates are impossible, swapped, or cannot be read."""


class GeometryError(LayerError):
    """A geometry is of the wrong type, empty, or beyond repair."""


class UnitError(LayerError):
    """A unit is unknown or does not measure what is asked for."""


class DateError(LayerError):
    """A date cannot be read, is ambiguous, or impossible."""


class PlaceError(LayerError):
    """A place name or code cannot be matched."""


class RasterError(LayerError):
    """A raster lacks a CRS, is rotated, or its values do not fit the analysis."""


class RejectedRowsError(LayerError):
    """``on_invalid="raise"`` and at least one row was rejected."""


class ParameterError(GeocnError, ValueError):
    """An argument is out of range or does not fit the others."""


class ReadError(GeocnError, OSError):
    """A file cannot be read as what it claims to be: truncated, corrupt, or of another format."""


class UnsafeFileError(ReadError):
    """A file would open another file, the network, or expand beyond all measure."""


class WriteError(GeocnError, OSError):
    """An output could not be written; the previous version is still whole."""


class LockedError(WriteError):
    """Another run holds the output folder."""


class ClusterError(GeocnError, ConnectionError):
    """Workers cannot be reached, died again and again, or are not of this version.

    The message says whether the parts that were done are kept, so that the same call resumes.
    """


class ProjectError(GeocnError, ValueError):
    """The project file is wrong; the message names file, line and key."""


class UnlabelledDataError(GeocnError, ValueError):
    """A release was asked of data that carries no marking."""


class ReleaseError(GeocnError, ValueError):
    """A release cannot be made: its profile has expired, or a rule lacks what it works with."""


class InfeasibleError(GeocnError, ValueError):
    """No answer can satisfy the constraints; the message names what stands in the way."""


class MissingDependencyError(GeocnError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


class LeakFoundError(GeocnError, ValueError):
    """A file holds what was withheld from it, or could not be scanned; it was not published.

    Parameters
    ----------
    message : str
        Which file, how many hits of which kind; never the withheld values.
    report : ScanReport, optional
        What :func:`geocn.sharing.scan` found.
    """

    def __init__(self, message: str, report: object = None) -> None:
        self.report = report
        super().__init__(message)


class NotScannedError(ReadError):
    """A file, or a part of one, could not be decoded by the leak scan, so it is not clean."""


class PassphraseError(GeocnError, ValueError):
    """A passphrase does not open a file, or the file was changed."""


class UnsealableError(GeocnError, ValueError):
    """A folium map holds what a sealed file cannot carry.

    Parameters
    ----------
    elements : sequence of str
        Each element that cannot be carried, and why; the message names them all.
    """

    def __init__(self, elements: Sequence[str]) -> None:
        self.elements = list(elements)
        listed = "".join(f"\n  - {element}" for element in self.elements)
        super().__init__(
            f"this folium map cannot be sealed; {len(self.elements)} of its elements cannot be "
            f"carried:{listed}\nTake them out, or draw them with what folium itself has."
        )
