"""The sealed page: constant scripts and styles, inert data, and a policy that says so.

The Content-Security-Policy lists the hashes of the package's own scripts and styles, taken
from the package and never from the rendered page. Nothing else may run, load or send.
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
    "print.js",
    "main.js",
)
_STYLES = ("frame.css", "panel.css", "map.css", "print.css")
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


@lru_cache(maxsize=1)
def scripts() -> tuple[str, ...]:
    """Return the scripts of every map, in order."""
    leaflet = _asset("vendor", "leaflet", "leaflet.js")
    leaflet = re.sub(r"//# sourceMappingURL=.*", "", leaflet)
    return (leaflet, *(_lean(_asset("js", name)) for name in _SCRIPTS))


@lru_cache(maxsize=1)
def stylesheets() -> tuple[str, ...]:
    """Return the styles of every map; Leaflet's pictures, which it would fetch, are cut out."""
    leaflet = _REMOTE_PICTURE.sub("", _asset("vendor", "leaflet", "leaflet.css"))
    return (leaflet, *(_lean(_asset("css", name)) for name in _STYLES))


@lru_cache(maxsize=1)
def catalogues() -> dict[str, Any]:
    """Return the message catalogue of each language."""
    return {code: json.loads(_asset("i18n", f"{code}.json")) for code in LANGUAGES}


@lru_cache(maxsize=2)
def _catalogue_block(*, patterns: bool) -> str:
    """Pack the catalogues; the names of patterns over time only for maps that tell them."""
    told = {
        code: {key: text for key, text in words.items() if patterns or not _PATTERN.fullmatch(key)}
        for code, words in catalogues().items()
    }
    return Pack().block(told)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@lru_cache(maxsize=1)
def policy() -> str:
    """Return the Content-Security-Policy of every map."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(map(_hash, scripts())),
            "style-src " + " ".join(map(_hash, stylesheets())),
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
{styles}</head><body>
<div class="banner" id="banner-top" role="note">{banner}</div>
<div id="frame">
<aside id="panel"></aside>
<main id="stage"><div id="map" tabindex="0"></div></main>
</div>
<div class="banner" id="banner-bottom" role="note">{banner}</div>
<noscript><p>{noscript}</p></noscript>
{blocks}
{scripts}
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
    language = config["language"]
    inert = [_block("geocn-config", "application/json", safe_json(config))]
    inert.append(_block("geocn-catalogues", "text/plain", _catalogue_block(patterns=patterns)))
    inert += [_block(name, "text/plain", text) for name, text in blocks.items()]
    return _PAGE.format(
        language=html.escape(language),
        direction="rtl" if language in RIGHT_TO_LEFT else "ltr",
        policy=html.escape(policy(), quote=True).replace("&#x27;", "'"),
        title=html.escape(config["title"]),
        marking=html.escape(config["marking"]),
        banner=_BANNER.format(**{k: html.escape(config[k]) for k in ("caveat", "tlp", "marking")}),
        noscript=html.escape(catalogues()[language]["noscript"]),
        styles="".join(f"<style>{style}</style>\n" for style in stylesheets()),
        blocks="\n".join(inert),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts()),
    )


def _block(name: str, kind: str, text: str) -> str:
    return f'<script type="{kind}" id="{name}">{text}</script>'
