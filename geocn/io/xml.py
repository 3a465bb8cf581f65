"""XML of map files, parsed without document types, entities or anything else that reaches out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from geocn.errors import ReadError, UnsafeFileError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse_xml(data: bytes, name: str) -> Element:
    """Parse XML into its root element.

    Raises
    ------
    UnsafeFileError
        Where it declares a document type or entities: they can read other files or grow
        beyond all measure.
    ReadError
        Where it is not well formed, such as a file that was cut.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnsafeFileError(
            f"{name}: found an XML document type or entity ({type(error).__name__}); a map file "
            "has no need of one. Export it again from its source."
        ) from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise ReadError(f"{name}: the XML is damaged or was cut ({error})") from error
    return root


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element, name: str) -> Iterator[Element]:
    """Yield the direct children with a name, whatever their namespace."""
    return (child for child in element if local(child) == name)


def child(element: Element, name: str) -> Element | None:
    """Return the first direct child with a name."""
    return next(children(element, name), None)


def text(element: Element | None) -> str | None:
    """Return an element's text without surrounding space, or None where there is none."""
    found = (element.text or "").strip() if element is not None else ""
    return found or None
