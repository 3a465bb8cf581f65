"""What goes with a release to bind its label to its files, as JSON and as XML.

The XML is shaped like a confidentiality label of STANAG 4774 bound to data as in STANAG
4778, in a namespace of our own: it claims no conformance to either.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from geocn.sharing.label import Label

NAMESPACE = "urn:geocn:release-label:1"
CONFORMANCE = "none claimed"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def sidecar(
    label: Label,
    files: Mapping[str, str],
    *,
    profile: Mapping[str, Any],
    title: str,
    as_of: str | None = None,
    lowered: Sequence[Mapping[str, Any]] = (),
    derived: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Bind a label and a profile to the SHA-256 of every file of a release.

    Parameters
    ----------
    label : Label
        Of the whole release.
    files : mapping of str to str
        SHA-256 in hexadecimal by path.
    profile : mapping
        What may be told of the profile: partner, approver, expiry, its own SHA-256.
    title : str
        Of the release.
    as_of : str, optional
        Information cut-off.
    lowered, derived : sequence of mapping
        Markings that were lowered and analyses derived from withheld data; each with
        ``approver`` and ``reason``.

    Returns
    -------
    dict
        Of what JSON can hold.

    Example
    -------
    >>> from geocn.sharing import Marking
    >>> told = sidecar(
    ...     Label(Marking.GREEN), {"map.html": "00" * 32}, profile={"partner": "ngo"}, title="T"
    ... )
    >>> told["label"]["marking"], told["conformance"]
    ('TLP:GREEN', 'none claimed')
    """
    return {
        "format": NAMESPACE,
        "conformance": CONFORMANCE,
        "title": title,
        "as_of": as_of,
        "label": {
            "marking": str(label.marking),
            "classification": label.classification,
            "releasable_to": None if label.releasable_to is None else list(label.releasable_to),
        },
        "profile": dict(profile),
        "lowered": [_told(one, ("layer", "to")) for one in lowered],
        "derived": [_told(one, ("analysis",)) for one in derived],
        "files": dict(sorted(files.items())),
    }


def _told(record: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Keep what a partner may know: not how many rows had which label before."""
    return {key: record[key] for key in (*keys, "approver", "reason") if key in record}


def to_json(content: Mapping[str, Any]) -> str:
    """Write a sidecar as JSON, the same text for the same content."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def to_xml(content: Mapping[str, Any]) -> str:
    """Write a sidecar as XML, the same text for the same content.

    Text is escaped, and characters that XML cannot hold are replaced.

    Example
    -------
    >>> from geocn.sharing import Marking
    >>> told = sidecar(
    ...     Label(Marking.CLEAR), {"a&b.txt": "00" * 32}, profile={"partner": "<all>"}, title="T"
    ... )
    >>> text = to_xml(told)
    >>> "&lt;all&gt;" in text, 'URI="a%26b.txt"' in text
    (True, True)
    """
    root = ET.Element("BindingInformation", xmlns=NAMESPACE, Conformance=CONFORMANCE)
    container = ET.SubElement(root, "MetadataBindingContainer")
    binding = ET.SubElement(container, "MetadataBinding")
    _label(ET.SubElement(binding, "Metadata"), content)
    for path, digest in content["files"].items():
        reference = ET.SubElement(binding, "DataReference", URI=quote(_clean(path)))
        ET.SubElement(reference, "DigestMethod", Algorithm=_SHA256)
        value = base64.b64encode(bytes.fromhex(digest)).decode()
        ET.SubElement(reference, "DigestValue").text = value
    ET.indent(root, " ")
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _label(parent: ET.Element, content: Mapping[str, Any]) -> None:
    label, profile = content["label"], content["profile"]
    element = ET.SubElement(parent, "originatorConfidentialityLabel")
    information = ET.SubElement(element, "ConfidentialityInformation")
    _text(information, "PolicyIdentifier", "TLP 2.0")
    _text(information, "Classification", label["marking"])
    if label["classification"] is not None:
        _category(information, "RESTRICTIVE", "Classification", [label["classification"]])
    if label["releasable_to"] is not None:
        _category(information, "PERMISSIVE", "Releasable to", label["releasable_to"])
    _text(element, "OriginatorID", profile.get("approver") or "")
    if content["as_of"]:
        _text(element, "InformationCutOff", content["as_of"])
    if profile.get("expires_on"):
        _text(element, "ReviewDateTime", profile["expires_on"])
    _text(element, "Title", content["title"])
    told = ET.SubElement(parent, "ReleaseProfile")
    for key, value in sorted(profile.items()):
        if value is not None:
            ET.SubElement(told, "Value", Name=_clean(key)).text = _clean(value)
    for kind in ("lowered", "derived"):
        for record in content[kind]:
            line = ET.SubElement(parent, kind.title())
            for key, value in sorted(record.items()):
                _text(line, key.title(), value)


def _category(parent: ET.Element, kind: str, name: str, values: Sequence[str]) -> None:
    category = ET.SubElement(parent, "Category", Type=kind, TagName=name)
    for value in values:
        _text(category, "GenericValue", value)


def _text(parent: ET.Element, name: str, value: Any) -> None:
    ET.SubElement(parent, name).text = _clean(value)


def _clean(value: Any) -> str:
    return _NO_XML.sub("\ufffd", str(value))
