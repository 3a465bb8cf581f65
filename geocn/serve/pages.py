"""The page that lists a release, and the page that follows a link that worked."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from geocn.serve.headers import media_type
from geocn.serve.holding import Holding

# Text colours of FIRST, "Traffic Light Protocol (TLP) version 2.0" (2022), each on black.
_TLP = {
    "TLP:RED": "red",
    "TLP:AMBER+STRICT": "amber",
    "TLP:AMBER": "amber",
    "TLP:GREEN": "green",
    "TLP:CLEAR": "clear",
}
_STYLE = """
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff}
.marking{background:#000;text-align:center;font-weight:700;padding:.3em;margin:0}
.red{color:#ff2b2b}.amber{color:#ffc000}.green{color:#33ff00}.clear{color:#fff}
main{max-width:70em;margin:0 auto;padding:1em}
dt{font-weight:700;float:left;clear:left;width:9em}dd{margin:0 0 .2em 9em}
.files{overflow-x:auto}table{border-collapse:collapse;width:100%}
caption{text-align:start;font-weight:700}
th,td{text-align:start;padding:.3em .8em .3em 0;border-bottom:1px solid #767676;vertical-align:top}
td.n{text-align:end;white-space:nowrap}code{font-size:.8em;overflow-wrap:anywhere}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: The policy of both pages: no script, no other host, one style sheet by its hash.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEAD = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    '<link rel="icon" href="data:,">'
)


def index(holding: Holding) -> str:
    """Return the page that lists what a release holds."""
    about = holding.about
    marking = str(about.get("marking", "TLP:RED"))
    banner = f'<p class="marking {_TLP.get(marking, "red")}">{escape(marking)}</p>'
    title = escape(str(about.get("title") or "Release"))
    facts = [
        ("For", about.get("partner")),
        ("Cut-off", about.get("as_of")),
        ("Period", about.get("period")),
        ("Handed out until", holding.expires_on),
    ]
    told = "".join(
        f'<dt>{name}</dt><dd dir="auto">{escape(str(value))}</dd>' for name, value in facts if value
    )
    return (
        f"{_HEAD}<title>{escape(marking)} {title}</title><style>{_STYLE}</style></head><body>\n"
        f'{banner}<main><h1 dir="auto">{title}</h1><dl>{told}</dl>\n'
        '<div class="files" role="region" aria-label="Files" tabindex="0">'
        '<table><caption>Files</caption><thead><tr><th scope="col">File</th>'
        '<th scope="col">Type</th><th scope="col">Bytes</th><th scope="col">SHA-256</th></tr>'
        f"</thead><tbody>\n{_rows(holding)}</tbody></table></div></main>{banner}</body></html>\n"
    )


def _rows(holding: Holding) -> str:
    # Maps first: they are what most people come for.
    listed = sorted(holding.entries.items(), key=lambda one: (not one[0].endswith(".html"), one[0]))
    return "".join(
        f'<tr><td><a href="{escape(url[1:])}">{escape(entry.name)}</a></td>'
        f"<td>{escape(media_type(entry.name).partition(';')[0])}</td>"
        f'<td class="n">{entry.size:,}</td><td><code>{entry.sha256}</code></td></tr>\n'
        for url, entry in listed
    )


def welcome() -> str:
    """Return the page after a link that works once.

    It leads on by itself: a redirect would still count as coming from the mail or portal that
    held the link, and the browser would leave the cookie out.
    """
    return (
        f'{_HEAD}<meta http-equiv="refresh" content="0; url=./"><title>Welcome</title>'
        f'<style>{_STYLE}</style></head><body><main><p><a href="./">Open the release</a></p>'
        "</main></body></html>\n"
    )
