"""Reading any table or vector file into one raw table: content decides the format, not the name.

What was found (encoding, delimiter, how numbers are written, coordinate system) and what was
assumed is told in the result, and each finding can be overridden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from geocn._typing import IntArray, StrPath
from geocn.errors import ParameterError, ReadError
from geocn.io.archive import Archive
from geocn.io.guard import FileFormat, check_path, identify_content, open_regular, read_regular
from geocn.io.numbers import NumberFormat, settle_ambiguous, sniff_numbers

_HEAD = 4096


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as its file holds it, before any of its columns is understood.

    Attributes
    ----------
    frame : DataFrame
        Rows ``0 … n-1``. Cells of text formats are text as it stands, missing where empty;
        vector formats and workbooks keep their types. A GeoDataFrame with ``geometry`` where
        the file holds geometry.
    format : FileFormat
        Format of the file, or of the member that was read from an archive.
    path : Path
        The file.
    encoding, delimiter : str or None
        What was found or given, for text.
    number_formats : dict
        For each text column that looks numeric, how it writes its numbers.
    crs : pyproj.CRS or None
        Coordinate reference system of the file, or the one declared.
    notes : list of str
        What was seen, skipped and assumed, for people to read.
    first_row : int
        Line (or row, or feature) number in the file of row 0, counted from 1.
    lines : ndarray or None
        The same for every row, where it is not just counted on from ``first_row``.
    """

    frame: pd.DataFrame
    format: FileFormat
    path: Path
    encoding: str | None = None
    delimiter: str | None = None
    number_formats: dict[str, NumberFormat] = field(default_factory=dict)
    crs: Any = None
    notes: list[str] = field(default_factory=list)
    first_row: int = 1
    lines: IntArray | None = None

    def line_of(self, row: int) -> int:
        """Return the line (row, feature) number in the file of a row of the frame."""
        return int(self.lines[row]) if self.lines is not None else self.first_row + row


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller said about a file."""

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    sheet: str | int | None = None
    layer: str | None = None
    crs: Any = None
    member: str | None = None


def read_table(
    path: StrPath,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    sheet: str | int | None = None,
    layer: str | None = None,
    crs: Any = None,
    member: str | None = None,
) -> RawTable:
    r"""Read a CSV, TSV, XLSX, GeoJSON, GeoPackage, Shapefile, FlatGeobuf, Parquet, KML or GPX.

    Zipped CSV, zipped Shapefiles and KMZ are read from the archive without unpacking it to
    disk. Only the named file is opened (and, for a Shapefile, its parts beside it).

    Parameters
    ----------
    path : path
        The file. Its content decides what it is.
    delimiter, encoding, decimal, thousands : str, optional
        For text: override what is found from the content.
    sheet : str or int, optional
        For workbooks: name or number from 0. Needed where several sheets hold data.
    layer : str, optional
        For GeoPackage, KML and GPX: needed where the file holds several layers.
    crs : anything pyproj understands, optional
        Declares the coordinate reference system where the file does not state one.
    member : str, optional
        For archives: the member to read, where several could be meant.

    Returns
    -------
    RawTable

    Raises
    ------
    ReadError
        Where the file is missing, empty, cut, damaged, of another format, or where several
        layers, sheets or members could be meant.
    UnsafeFileError
        Where reading it would open another file or the network, or expand beyond measure.
    SchemaError
        Where two columns have one name.
    CRSError
        Where ``crs`` contradicts the file.

    Examples
    --------
    >>> import tempfile; from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "seizures.csv"
    >>> _ = file.write_text("Fecha;Peso (kg)\n2024-03-01;1.234,5\n", encoding="cp1252")
    >>> table = read_table(file)
    >>> table.delimiter, table.number_formats["Peso (kg)"].decimal
    (';', ',')
    """
    options = Options(delimiter, encoding, decimal, thousands, sheet, layer, crs, member)
    checked = check_path(path)
    with open_regular(checked) as stream:
        found = identify_content(stream.read(_HEAD), checked.name)
    table = _read_archive(checked, options) if found is FileFormat.ZIP else None
    if table is None:
        table = _reader(found, checked.name)(checked, None, options)
    return _with_numbers(table, options)


def _read_archive(path: Path, options: Options) -> RawTable:
    """Read the data inside a zip archive; members stay in memory."""
    with Archive(path) as archive:
        if archive.format is FileFormat.XLSX and options.member is None:
            from geocn.io.workbook import read_workbook

            return read_workbook(archive, options)
        if archive.format is FileFormat.SHAPEFILE and _means_shapefile(options.member):
            from geocn.io.shapefile import read_zipped_shapefile

            return read_zipped_shapefile(archive, options)
        chosen = archive.choose(options.member)
        found = archive.identify(chosen)
        table = _reader(found, f"{path.name}/{chosen}")(path, archive.read(chosen), options)
        kind = FileFormat.KMZ if archive.format is FileFormat.KMZ else table.format
        return replace(table, format=kind, notes=[f"member {chosen} of the archive", *table.notes])


def _means_shapefile(member: str | None) -> bool:
    return member is None or member.casefold().endswith(".shp")


Reader = Callable[[Path, bytes | None, Options], RawTable]


def _reader(found: FileFormat, name: str) -> Reader:
    """Return the reader of one format; each is loaded only when it is needed."""
    if found is FileFormat.CSV:
        return _read_text
    if found is FileFormat.GEOTIFF:
        raise ReadError(f"{name}: found a raster (GeoTIFF); expected a table. Use read_raster.")
    modules: Mapping[FileFormat, tuple[str, str]] = {
        FileFormat.GEOJSON: ("geojson", "read_geojson"),
        FileFormat.GPKG: ("geopackage", "read_geopackage"),
        FileFormat.SHAPEFILE: ("shapefile", "read_shapefile"),
        FileFormat.FGB: ("flatgeobuf", "read_flatgeobuf"),
        FileFormat.PARQUET: ("parquet", "read_parquet"),
        FileFormat.KML: ("kml", "read_kml"),
        FileFormat.GPX: ("gpx", "read_gpx"),
    }
    from importlib import import_module

    module, function = modules[found]
    reader: Reader = getattr(import_module(f"geocn.io.{module}"), function)
    return reader


def _read_text(path: Path, data: bytes | None, options: Options) -> RawTable:
    from geocn.io.delimited import parse_delimited
    from geocn.io.text import decode

    decoded = decode(
        read_regular(path) if data is None else data, name=path.name, encoding=options.encoding
    )
    parsed = parse_delimited(decoded.data, name=path.name, delimiter=options.delimiter)
    return RawTable(
        parsed.frame,
        FileFormat.CSV,
        path,
        encoding=decoded.encoding,
        delimiter=parsed.delimiter,
        crs=_declared(options.crs),
        notes=[*decoded.notes, *parsed.notes],
        first_row=int(parsed.lines[0]) if len(parsed.lines) else 2,
        lines=parsed.lines,
    )


def _declared(crs: Any) -> Any:
    if crs is None:
        return None
    from geocn.io.crs import parse_crs

    return parse_crs(crs)


def _with_numbers(table: RawTable, options: Options) -> RawTable:
    """Find how each text column writes its numbers; columns that cannot tell follow the rest."""
    if options.decimal is not None and options.decimal == options.thousands:
        raise ParameterError(f"decimal and thousands are both {options.decimal!r}")
    formats: dict[str, NumberFormat] = {}
    for position, name in enumerate(table.frame.columns):
        column = table.frame.iloc[:, position]
        if not isinstance(column.dtype, pd.StringDtype):
            continue
        found = sniff_numbers(column, decimal=options.decimal, thousands=options.thousands)
        if found is not None:
            formats[str(name)] = found
    return replace(table, number_formats=settle_ambiguous(formats, delimiter=table.delimiter))
