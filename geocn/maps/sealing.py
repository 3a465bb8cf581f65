"""``seal``: an analyst's own folium map as one offline file.

folium writes texts into scripts as they are, and asks other hosts for its libraries. So
nothing that folium would render is kept: the tree of elements is read, translated into inert
data, and drawn by the package's own constant scripts under the same policy as every other
map. What cannot be translated is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from geocn._typing import StrPath
from geocn.maps.title_block import TitleBlock
from geocn.sharing.marking import Marking

if TYPE_CHECKING:
    import folium


@overload
def seal(
    folium_map: folium.Map,
    path: None = None,
    *,
    title: str,
    marking: str | Marking = ...,
    releasable_to: str | None = ...,
    as_of: Any = ...,
    sources: Iterable[str] = ...,
    limits: Iterable[str] = ...,
    language: str = ...,
    author: str | None = ...,
    passphrase: str | None = ...,
) -> str: ...
@overload
def seal(
    folium_map: folium.Map,
    path: StrPath,
    *,
    title: str,
    marking: str | Marking = ...,
    releasable_to: str | None = ...,
    as_of: Any = ...,
    sources: Iterable[str] = ...,
    limits: Iterable[str] = ...,
    language: str = ...,
    author: str | None = ...,
    passphrase: str | None = ...,
) -> Path: ...
def seal(
    folium_map: folium.Map,
    path: StrPath | None = None,
    *,
    title: str,
    marking: str | Marking = "TLP:RED",
    releasable_to: str | None = None,
    as_of: Any = None,
    sources: Iterable[str] = (),
    limits: Iterable[str] = (),
    language: str = "en",
    author: str | None = None,
    passphrase: str | None = None,
) -> str | Path:
    """Seal a folium map: one offline file that runs only the package's own scripts.

    Carried are ``Marker`` (as a pin in the colour of its ``Icon``), ``CircleMarker``,
    ``Circle``, ``PolyLine``, ``Polygon``, ``Rectangle``, ``GeoJson`` (its style functions
    are evaluated here; of the properties only those that a popup or tooltip shows),
    ``Choropleth`` with its colour scale, ``FeatureGroup``, ``MarkerCluster``,
    ``ImageOverlay`` of a PNG inside the file, ``LayerControl``, and popups and tooltips as
    text: markup in them becomes its text. Tiles give way to the bundled basemap, and the
    page says so.

    Parameters
    ----------
    folium_map : folium.Map
        It is not changed.
    path : path-like, optional
        Where to write; without it the page is returned.
    title, marking, releasable_to, as_of, sources, limits, language, author
        As for :class:`PlanningMap`.
    passphrase : str, optional
        Encrypt the file, as :meth:`PlanningMap.save` does.

    Returns
    -------
    str or Path
        The page, or the path it was written to.

    Raises
    ------
    UnsealableError
        Where something cannot be carried; it names every such element.
    ParameterError
        Where the map is no ``folium.Map``, or an option cannot be used.
    WriteError
        Where the file cannot be written.

    Example
    -------
    >>> import folium
    >>> sketch = folium.Map([2.4, -76.6], zoom_start=7)
    >>> _ = folium.Marker([2.4, -76.6], popup="Post <b>7</b>").add_to(sketch)
    >>> html = seal(sketch, title="Posts", marking="TLP:AMBER")
    >>> "TLP:AMBER" in html, "<script src" in html
    (True, False)
    """
    block = TitleBlock.of(
        title,
        marking=marking,
        releasable_to=releasable_to,
        as_of=as_of,
        sources=sources,
        limits=limits,
        author=author,
        language=language,
    )
    from geocn.maps.sealing_page import sealed_page

    html = sealed_page(folium_map, block)
    if passphrase is not None:
        from geocn.maps.encryption import lock

        html = lock(html, passphrase)
    if path is None:
        return html
    from geocn.io.atomic import atomic_file

    target = Path(path)
    with atomic_file(target) as temporary:
        Path(temporary).write_text(html, encoding="utf-8", newline="\n")
    return target
