"""Write docs/reference/layers.md from the schema, which is the only source of columns."""

from __future__ import annotations

from pathlib import Path

from geocn.schema import COMMON, LAYERS

TARGET = Path(__file__).resolve().parents[1] / "docs" / "reference" / "layers.md"
HEAD = """# Layers and their columns

Written by `tools/build_reference.py` from `geocn.schema`; change the schema, not this page.

Every vector layer is a GeoDataFrame with these columns first and in this order; columns of
the source that geocn does not know are kept behind them under their own names. Kinds:
text, number (float), integer (nullable), date (an instant in UTC), flag (true, false, unknown).
"""


def table(columns: tuple) -> list[str]:
    """A Markdown table of columns."""
    rows = [f"| `{c.name}` | {c.kind} | {c.meaning} |" for c in columns]
    return ["| column | kind | meaning |", "| --- | --- | --- |", *rows]


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for layer in LAYERS.values():
        own = tuple(c for c in layer.columns if c not in COMMON)
        geometry = ", ".join(layer.geometry_types)
        parts += [f"## {layer.name}", "", f"Geometry: {geometry}.", "", *table(own), ""]
    parts += ["## Common to all", "", *table(COMMON), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
