"""What the STAC specification and its extensions, and RO-Crate 1.1, ask of a folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pystac
from pystac.validation import JsonSchemaSTACValidator
from pystac.validation.local_validator import get_local_schema_cache

#: What https://stac-extensions.github.io/file/v2.1.0 and …/projection/v2.0.0 ask of the fields
#: that we write.
EXTENSIONS: dict[str, dict[str, Any]] = {
    "file:size": {"type": "integer", "minimum": 0},
    "file:checksum": {"type": "string", "pattern": "^1220[a-f0-9]{64}$"},
    "proj:code": {"type": ["string", "null"], "pattern": "^[A-Z]+:[A-Za-z0-9]+$"},
    "proj:wkt2": {"type": ["string", "null"]},
    "proj:bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
    "proj:shape": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    "proj:transform": {"type": "array", "items": {"type": "number"}, "minItems": 6, "maxItems": 6},
}


class _CoreOnly(JsonSchemaSTACValidator):
    """PySTAC's validator over the schemas that it carries: no extension's, no network."""

    def validate_extension(self, *args: Any, **kwargs: Any) -> None:
        """Leave extensions to ``EXTENSIONS``: their schemas are on the network alone."""


def check_catalogue(stac: Path) -> list[dict[str, Any]]:
    """Assert that every document is valid and whole, and return the items."""
    catalogue = pystac.Catalog.from_file(str(stac / "catalog.json"))
    assert get_local_schema_cache()
    validator = _CoreOnly()
    reached = set()
    for parent, _, items in catalogue.walk():
        for one in (parent, *items):
            one.validate(validator=validator)
            reached.add(Path(str(one.get_self_href())))
    assert reached == {path.resolve() for path in stac.rglob("*.json")}
    found = []
    for path in sorted(stac.rglob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        for link in document["links"]:
            assert "://" not in link["href"], link
            assert not link["href"].startswith("/"), link
            assert (path.parent / link["href"]).exists(), link
        if document["type"] == "Feature":
            _check_item(path, document)
            found.append(document)
    return found


def _check_item(path: Path, item: dict[str, Any]) -> None:
    for asset in item["assets"].values():
        file = path.parent / asset["href"]
        assert file.stat().st_size == asset["file:size"]
        assert asset["file:checksum"][4:] == hashlib.sha256(file.read_bytes()).hexdigest()
        _check_fields(asset)
    _check_fields(item["properties"])
    used = {key.split(":")[0] for key in item["properties"]} & {"proj"}
    assert bool(used) == any("projection" in one for one in item["stac_extensions"])


def _check_fields(fields: dict[str, Any]) -> None:
    for key, value in fields.items():
        if key.split(":")[0] in ("file", "proj"):
            jsonschema.validate(value, EXTENSIONS[key])


def check_crate(folder: Path) -> dict[str, dict[str, Any]]:
    """Assert the rules of RO-Crate 1.1 and return the entities by identifier."""
    record = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))
    assert record["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    graph = record["@graph"]
    entities = {one["@id"]: one for one in graph}
    assert len(entities) == len(graph), "an identifier stands twice"
    descriptor = entities["ro-crate-metadata.json"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = entities[descriptor["about"]["@id"]]
    assert (root["@id"], root["@type"]) == ("./", "Dataset")
    for key in ("name", "description", "datePublished", "license"):
        assert root[key], key
    parts = {one["@id"] for one in root["hasPart"]}
    for entity in graph:
        assert entity["@type"]
        for reference in _references(entity):
            if reference != "https://w3id.org/ro/crate/1.1":
                assert reference in entities, f"{entity['@id']} → {reference}"
        if entity["@type"] == "File":
            assert entity["@id"] in parts
            file = folder / unquote(entity["@id"])
            assert entity["contentSize"] == str(file.stat().st_size)
            assert entity["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    reachable, queue = set[str](), ["ro-crate-metadata.json"]
    while queue:
        name = queue.pop()
        if name in entities and name not in reachable:
            reachable.add(name)
            queue += _references(entities[name])
    assert reachable == set(entities), "an entity that nothing leads to"
    return entities


def _references(entity: dict[str, Any]) -> list[str]:
    found = []
    for value in entity.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and set(one) == {"@id"}:
                found.append(one["@id"])
    return found
