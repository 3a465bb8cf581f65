"""A brief as one page: Markdown, and HTML that neither runs nor loads anything."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from geocn.project.brief_words import Words

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!$~&@^=])")
_LINK = re.compile(r"(?i)(:)(?=//)|(?<=www)(\.)|(?<=mailto)(:)")
_LIST_MARK = re.compile(r"^(\s*)([-+]|\d+(?=[.)]))")
_STYLE = """\
@page{size:A4;margin:12mm 13mm}
*{box-sizing:border-box}
body{font:13px/1.4 system-ui,"Segoe UI","Noto Sans","Noto Sans Arabic",sans-serif;color:#16202a;
background:#fff;max-width:52rem;margin:0 auto;padding:0 1rem}
.mark{background:#000;color:#fff;font-weight:700;text-align:center;padding:.25rem .6rem;
margin:.4rem 0}
.mark.tlp-clear{color:#fff}.mark.tlp-green{color:#33ff00}.mark.tlp-amber{color:#ffc000}
.mark.tlp-red{color:#ff2b2b}
h1{font-size:1.45rem;line-height:1.2;margin:.6rem 0 .1rem}
.pair{font-size:1.05rem;margin:0 0 .4rem;color:#3b4754}
h2{font-size:1rem;margin:.75rem 0 .2rem;padding-bottom:.1rem;border-bottom:1px solid #b8c1ca}
p,ul{margin:.2rem 0}ul{padding-inline-start:1.2rem}
.facts{color:#3b4754}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:.2rem 0}
th,td{text-align:start;padding-block:.14rem;padding-inline:0 .6rem;border-bottom:1px solid #dfe4e8;
vertical-align:top}
th{font-weight:600;color:#3b4754;vertical-align:bottom}
.n{text-align:end;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
@media print{body{font-size:10px;line-height:1.25;max-width:none;padding:0}
th,td{padding-block:.08rem}.facts,p,ul{margin:.1rem 0}h1{font-size:1.2rem;margin:.3rem 0 0}
h2{font-size:.72rem;margin:.35rem 0 .1rem;break-after:avoid}tr,li,.mark{break-inside:avoid}
.mark,th{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
_PAGE = """\
<!DOCTYPE html>
<html lang="{language}" dir="{direction}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="data:,">
<title>{marking} {title}</title>
<style>{style}</style></head><body>
<div class="mark {tlp}" role="note">{mark}</div>
<main>
{body}
</main>
<div class="mark {tlp}" role="note">{mark}</div>
</body></html>
"""


@dataclass(frozen=True)
class Table:
    """Texts in rows; the columns from ``numbers`` on are numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs or points below, and perhaps a table."""

    heading: str
    lines: Sequence[str] = ()
    table: Table | None = None
    is_list: bool = True


@dataclass(frozen=True)
class Brief:
    """What stands on the page, as plain text in one language.

    Attributes
    ----------
    title, subtitle, marking, releasable_to : str
        Of the head; the marking stands at the foot as well.
    tlp : str
        Class of the marking, such as "tlp-amber".
    facts : list of str
        Cut-off date, sources, author.
    sections : list of Section
        The rest.
    """

    words: Words
    title: str
    subtitle: str
    marking: str
    tlp: str
    releasable_to: str = ""
    facts: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=list)

    @property
    def banner(self) -> str:
        """Marking and who it is for."""
        return " · ".join(part for part in (self.marking, self.releasable_to) if part)


def escape_markdown(text: str) -> str:
    r"""Return text that Markdown shows as it is: no link, table, formula, list or markup.

    Example
    -------
    >>> print(escape_markdown("[a](http://b) | $x$"))
    \[a\](http\://b) \| \$x\$
    """
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _LINK.sub(lambda found: f"\\{found[0]}", escaped)


def _line(text: str) -> str:
    """Return text that Markdown shows as it is at the start of a line too: no list."""
    return _LIST_MARK.sub(
        lambda m: f"{m[1]}{m[2]}\\" if m[2].isdigit() else f"{m[1]}\\{m[2]}",
        escape_markdown(text),
    )


def to_markdown(brief: Brief) -> str:
    """Return the brief as Markdown (CommonMark with tables)."""
    text = escape_markdown
    lines = [f"**{text(brief.banner)}**", "", f"# {text(brief.title)}", ""]
    lines += [f"**{text(brief.subtitle)}**", ""]
    lines += [part for fact in brief.facts for part in (_line(fact), "")]
    for one in brief.sections:
        lines += [f"## {text(one.heading)}", ""]
        if one.table is not None:
            lines += [*_markdown_table(one.table), ""]
        for line in one.lines:
            lines += [f"- {_line(line)}"] if one.is_list else [_line(line), ""]
        lines += [""] if one.is_list and one.lines else []
    return "\n".join([*lines, f"**{text(brief.banner)}**", ""])


def _markdown_table(table: Table) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"

    rule = ["---" if i < table.numbers else "---:" for i in range(len(table.columns))]
    return [line(table.columns), "| " + " | ".join(rule) + " |", *map(line, table.rows)]


def to_html(brief: Brief) -> str:
    """Return the brief as one HTML file without any script or address."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode("utf-8")).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    head = [f"<h1>{_cell(brief.title)}</h1>", f'<p class="pair">{_cell(brief.subtitle)}</p>']
    head += [f'<p class="facts">{_cell(fact)}</p>' for fact in brief.facts]
    body = [*head, *(part for one in brief.sections for part in _html_section(one))]
    return _PAGE.format(
        language=brief.words.language,
        direction="rtl" if brief.words.is_rtl else "ltr",
        policy=policy,
        marking=html.escape(brief.marking),
        title=html.escape(brief.title),
        style=_STYLE,
        tlp=html.escape(brief.tlp),
        mark=_cell(brief.banner),
        body="\n".join(body),
    )


def _html_section(one: Section) -> list[str]:
    parts = [f"<h2>{html.escape(one.heading)}</h2>"]
    if one.table is not None:
        parts.append(_html_table(one.table))
    if one.is_list and one.lines:
        parts += ["<ul>", *(f"<li>{html.escape(line)}</li>" for line in one.lines), "</ul>"]
    else:
        parts += [f"<p>{html.escape(line)}</p>" for line in one.lines]
    return parts


def _html_table(table: Table) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        kinds = [' class="n"' if i >= table.numbers else "" for i in range(len(cells))]
        told = (f"<{tag}{k}>{_cell(c)}</{tag}>" for c, k in zip(cells, kinds, strict=True))
        return f"<tr>{''.join(told)}</tr>"

    rows = "\n".join(line(row, "td") for row in table.rows)
    head = line(table.columns, "th")
    return (
        f'<div class="scroll"><table><thead>{head}</thead><tbody>\n{rows}\n</tbody></table></div>'
    )


def _cell(text: str) -> str:
    return f"<bdi>{html.escape(text)}</bdi>"
