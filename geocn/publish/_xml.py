"""XML that any text can stand in, the same text for the same content."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add(parent: ET.Element, tag: str, text: Any = None, **attributes: Any) -> ET.Element:
    """Append an element; characters that XML cannot hold are replaced."""
    made = ET.SubElement(parent, tag, {key: clean(value) for key, value in attributes.items()})
    if text is not None:
        made.text = clean(text)
    return made


def clean(value: Any) -> str:
    """Return ``value`` as text that XML can hold."""
    return _NO_XML.sub("\ufffd", str(value))


def written(root: ET.Element) -> str:
    """Return the element as indented text."""
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"
