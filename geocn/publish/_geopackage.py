"""What a GeoPackage holds beside its rows: QGIS styles, descriptions and QGIS metadata."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

from geocn.publish._about import sentence
from geocn.publish._xml import add, clean, written
from geocn.publish.styles import Geometry, LayerStyle, to_qml

#: Written where the format asks for a time of writing, so that the bytes do not change with it.
NO_TIME = "2000-01-01T00:00:00.000Z"
#: The table as QGIS makes it.
_STYLES_TABLE = """\
CREATE TABLE "layer_styles" ("id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,\
"f_table_catalog" TEXT(256),"f_table_schema" TEXT(256),"f_table_name" TEXT(256),\
"f_geometry_column" TEXT(256),"styleName" TEXT(30),"styleQML" TEXT,"styleSLD" TEXT,\
"useAsDefault" BOOLEAN,"description" TEXT,"owner" TEXT(30),"ui" TEXT(30),\
"update_time" DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""
_METADATA_TABLES = (
    """\
CREATE TABLE IF NOT EXISTS gpkg_metadata (id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL,\
md_scope TEXT NOT NULL DEFAULT 'dataset',md_standard_uri TEXT NOT NULL,\
mime_type TEXT NOT NULL DEFAULT 'text/xml',metadata TEXT NOT NULL DEFAULT '')""",
    """\
CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (reference_scope TEXT NOT NULL,\
table_name TEXT,column_name TEXT,row_id_value INTEGER,\
timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),\
md_file_id INTEGER NOT NULL,md_parent_id INTEGER,\
CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),\
CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id))""",
    """\
CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT,column_name TEXT,\
extension_name TEXT NOT NULL,definition TEXT NOT NULL,scope TEXT NOT NULL,\
CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))""",
)
_METADATA_SPEC = "http://www.geopackage.org/spec120/#extension_metadata"
_QGIS_METADATA = "http://mrcc.com/qgis.dtd"


def furnish(
    path: Path,
    *,
    styles: Mapping[str, tuple[LayerStyle, Geometry]],
    facts: Mapping[str, Mapping[str, str]],
) -> None:
    """Write styles and facts of the layers into a GeoPackage that stands ready.

    Each layer of ``styles`` gets one row in ``layer_styles``, its default; each of ``facts``
    a description in ``gpkg_contents`` and metadata that QGIS shows.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, known in facts.items():
            if known:
                _describe(connection, name, known)
        if styles:
            _add_styles(connection, styles)


def _describe(connection: sqlite3.Connection, name: str, facts: Mapping[str, str]) -> None:
    told = clean(sentence(facts))
    connection.execute(
        "UPDATE gpkg_contents SET description = ? WHERE table_name = ?", (told, name)
    )
    for table in _METADATA_TABLES:
        connection.execute(table)
    for table in ("gpkg_metadata", "gpkg_metadata_reference"):
        connection.execute(
            "INSERT INTO gpkg_extensions SELECT ?, NULL, 'gpkg_metadata', ?, 'read-write' "
            "WHERE NOT EXISTS (SELECT 1 FROM gpkg_extensions WHERE table_name = ? "
            "AND extension_name = 'gpkg_metadata')",
            (table, _METADATA_SPEC, table),
        )
    added = connection.execute(
        "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata) "
        "VALUES ('dataset', ?, 'text/xml', ?)",
        (_QGIS_METADATA, _qgis_metadata(name, facts)),
    )
    connection.execute(
        "INSERT INTO gpkg_metadata_reference VALUES ('table', ?, NULL, NULL, ?, ?, NULL)",
        (name, NO_TIME, added.lastrowid),
    )


def _qgis_metadata(name: str, facts: Mapping[str, str]) -> str:
    root = ET.Element("qgis")
    add(root, "identifier", name)
    add(root, "type", "dataset")
    add(root, "title", name)
    add(root, "abstract", sentence(facts))
    if "marking" in facts:
        add(root, "constraints", facts["marking"], type="marking")
    for word in ("method", "cut_off", "sources"):
        if word in facts:
            add(root, "history", sentence({word: facts[word]}))
    return written(root)


def _add_styles(
    connection: sqlite3.Connection, styles: Mapping[str, tuple[LayerStyle, Geometry]]
) -> None:
    connection.execute(_STYLES_TABLE)
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
        (NO_TIME,),
    )
    columns = dict(
        connection.execute("SELECT table_name, column_name FROM gpkg_geometry_columns").fetchall()
    )
    for name, (style, geometry) in styles.items():
        connection.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
            'f_geometry_column, "styleName", "styleQML", "styleSLD", "useAsDefault", '
            "description, owner, ui, update_time) "
            "VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '', NULL, ?)",
            (
                name,
                columns[name],
                name[:30],
                to_qml(style, geometry=geometry),
                "the colours and classes of the planning map",
                NO_TIME,
            ),
        )
