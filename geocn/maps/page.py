"""The sealed page: constant scripts and styles, inert data, and a policy that says so.

The Content-Security-Policy lists the hashes of the package's own scripts and styles, taken
from the package and never from the rendered page. Nothing else may run, load or send. One
short script stands open; it unpacks the block ``geocn-code``, which holds all the others
deflated, and appends each as an element, which the browser holds against the same policy.
Everything that comes from the user stands in data blocks, or in the few escaped texts of
the frame (title, marking), and reaches the screen through ``textContent``.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from geocn.maps._text import safe_json
from geocn.maps.packing import Pack

LANGUAGES = ("en", "es", "fr", "pt", "ar")
RIGHT_TO_LEFT = ("ar",)
_SCRIPTS = (
    "core.js",
    "text.js",
    "geodata.js",
    "mapview.js",
    "labels.js",
    "symbols.js",
    "points.js",
    "shapes.js",
    "sentences.js",
    "layers.js",
    "legend.js",
    "periods.js",
    "ranking.js",
    "whatif.js",
    "notes.js",
    "coordinates.js",
    "search.js",
    "inset.js",
    "measure.js",
    "compare.js",
    "print.js",
    "frame.js",
    "main.js",
)
#: What the page of a sealed folium map runs.
_SEALED_SCRIPTS = (
    "core.js",
    "text.js",
    "geodata.js",
    "mapview.js",
    "labels.js",
    "print.js",
    "frame.js",
    "sealed.js",
)
_LOADER = "loader.js"
#: The block of the scripts and styles.
CODE = "geocn-code"
#: Stands open in the page; the others come with the scripts.
_FRAME_STYLE = "frame.css"
_STYLES = ("panel.css", "map.css", "finding.css", "print.css")
_REMOTE_PICTURE = re.compile(r"[a-z-]+:\s*url\((?!data:)[^)]*\);?")


def _asset(*parts: str) -> str:
    path = files("geocn.maps") / "assets"
    for part in parts:
        path = path / part
    return path.read_text(encoding="utf-8")


#: Words for the patterns of emerging hotspots.
_PATTERN = re.compile(r"code\.[a-z]+_(hot|cold)")


def _lean(text: str) -> str:
    """Leave out indentation and lines that only comment: every map carries what is left."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@lru_cache(maxsize=4)
def scripts(*, sealed: bool = False, locked: bool = False) -> tuple[str, ...]:
    """Return the scripts of every map, in the order in which the loader starts them.

    A sealed folium map and an encrypted map have others.
    """
    leaflet = _asset("vendor", "leaflet", "leaflet.js")
    leaflet = re.sub(r"//# sourceMappingURL=.*", "", leaflet)
    *parts, last = _SEALED_SCRIPTS if sealed else _SCRIPTS
    names = (*parts, "unlock.js", last) if locked else (*parts, last)
    return (leaflet, *(_lean(_asset("js", name)) for name in names))


@lru_cache(maxsize=4)
def stylesheets(*, sealed: bool = False, locked: bool = False) -> tuple[str, ...]:
    """Return the styles that come with the scripts, the library's first.

    Leaflet's pictures, which it would fetch, are cut out.
    """
    leaflet = _REMOTE_PICTURE.sub("", _asset("vendor", "leaflet", "leaflet.css"))
    more = ("sealed.css",) * sealed + ("unlock.css",) * locked
    return (leaflet, *(_lean(_asset("css", name)) for name in (*_STYLES, *more)))


@lru_cache(maxsize=1)
def loader() -> str:
    """Return the one script that stands open in every page."""
    return _lean(_asset("js", _LOADER))


@lru_cache(maxsize=1)
def frame_style() -> str:
    """Return the one style that stands open in every page: banners and the frame."""
    return _lean(_asset("css", _FRAME_STYLE))


@lru_cache(maxsize=4)
def code_block(*, sealed: bool = False, locked: bool = False) -> str:
    """Pack the styles and scripts of a page; the same block on every map of a kind."""
    return Pack().block(
        {
            "styles": stylesheets(sealed=sealed, locked=locked),
            "scripts": scripts(sealed=sealed, locked=locked),
        }
    )


@lru_cache(maxsize=1)
def catalogues() -> dict[str, Any]:
    """Return the message catalogue of each language."""
    return {code: json.loads(_asset("i18n", f"{code}.json")) for code in LANGUAGES}


@lru_cache(maxsize=2)
def _catalogue_block(*, patterns: bool, sealed: bool = False) -> str:
    """Pack the catalogues; the names of patterns over time only for maps that tell them."""

    def told(key: str) -> bool:
        foreign = ("unlock.", "sentences", "field.", "code.") if sealed else ("unlock.", "sealed.")
        return not key.startswith(foreign) and (patterns or not _PATTERN.fullmatch(key))

    keys = sorted({key for words in catalogues().values() for key in words if told(key)})
    texts = {code: [words.get(key) for key in keys] for code, words in catalogues().items()}
    return Pack().block({"keys": keys, "texts": texts})


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@lru_cache(maxsize=4)
def policy(*, sealed: bool = False, locked: bool = False) -> str:
    """Return the Content-Security-Policy of every map."""
    code = (loader(), *scripts(sealed=sealed, locked=locked))
    styles = (frame_style(), *stylesheets(sealed=sealed, locked=locked))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(map(_hash, code)),
            "style-src " + " ".join(map(_hash, styles)),
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


_BANNER = '<span class="caveat">{caveat}</span><b class="{tlp}">{marking}</b>'
_PAGE = """<!DOCTYPE html>
<html lang="{language}" dir="{direction}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="data:,">
<title>{marking} {title}</title>
<style>{style}</style>
</head><body>
<div class="banner" id="banner-top" role="note">{banner}</div>
<div id="frame">
<aside id="panel"></aside>
<main id="stage"><div id="map" tabindex="0"></div></main>
</div>
<div class="banner" id="banner-bottom" role="note">{banner}</div>
<noscript><p>{noscript}</p></noscript>
<p id="unopened" role="alert" hidden>{failed}</p>
{blocks}
<script>{loader}</script>
</body></html>
"""


def render(config: Mapping[str, Any], blocks: Mapping[str, str], *, patterns: bool = True) -> str:
    """Return the page for a configuration and its packed blocks.

    Parameters
    ----------
    config : mapping
        ``title``, ``marking``, ``tlp`` (class of the banner), ``caveat``, ``language`` and
        whatever the scripts read; it becomes the block ``geocn-config``.
    blocks : mapping
        Base64 texts by the id of their element.
    patterns : bool
        Whether a layer tells patterns over time (``emerging_class``).
    """
    sealed = "geocn-sealed" in blocks
    inert = {
        "geocn-config": safe_json(config),
        "geocn-catalogues": _catalogue_block(patterns=patterns, sealed=sealed),
        **blocks,
    }
    return frame(config, inert, sealed=sealed)


def frame(
    shown: Mapping[str, Any],
    blocks: Mapping[str, str],
    *,
    sealed: bool = False,
    locked: bool = False,
) -> str:
    """Return the page around ``blocks``, with title and marking of ``shown``.

    Parameters
    ----------
    shown : mapping
        ``title``, ``marking``, ``tlp``, ``caveat`` and ``language``; they are escaped.
    blocks : mapping
        Texts by the id of their element; JSON or base64, in which no "<" stands.
    sealed, locked : bool
        Whether it is a sealed folium map; whether the form for a passphrase comes first.
    """
    language = shown["language"]
    words = catalogues()[language]
    inert = {**blocks, CODE: code_block(sealed=sealed, locked=locked)}
    return _PAGE.format(
        language=html.escape(language),
        direction="rtl" if language in RIGHT_TO_LEFT else "ltr",
        policy=html.escape(policy(sealed=sealed, locked=locked), quote=True).replace("&#x27;", "'"),
        title=html.escape(shown["title"]),
        marking=html.escape(shown["marking"]),
        banner=_BANNER.format(**{k: html.escape(shown[k]) for k in ("caveat", "tlp", "marking")}),
        noscript=html.escape(words["noscript"]),
        failed=html.escape(words["failed"]),
        style=frame_style(),
        blocks="\n".join(_block(name, text) for name, text in inert.items()),
        loader=loader(),
    )


def _block(name: str, text: str) -> str:
    kind = "application/json" if text.startswith("{") else "text/plain"
    return f'<script type="{kind}" id="{name}">{text}</script>'
