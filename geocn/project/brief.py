"""The brief of one page: what changed, with marking, numbers and what is not known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from geocn.evaluation.intervals import conditional_p, ratio_interval
from geocn.maps._text import plain_text
from geocn.project.brief_pages import Brief, Section, Table
from geocn.project.brief_words import Words
from geocn.project.changes import Changes
from geocn.project.changes_classes import CHANGED, CLASSES
from geocn.project.changes_days import Silence, days_by_source
from geocn.sharing.marking import Marking
from geocn.spatial.crs import has_geometry

_MOST_CHANGES = 10
_MOST_DRUGS = 5
_MOST_LINES = 4
# One A4 page holds them all, however long the names are.
_LONGEST = 110
_LONGEST_NAME = 40
_CONFIDENCE = 0.95
_TLP = {
    Marking.CLEAR: "tlp-clear",
    Marking.GREEN: "tlp-green",
    Marking.AMBER: "tlp-amber",
    Marking.AMBER_STRICT: "tlp-amber",
    Marking.RED: "tlp-red",
}


def totals_by_drug(
    changes: Changes, silences: Sequence[Silence] = (), *, weight: bool = True
) -> pd.DataFrame:
    r"""Count seizures and kilograms by drug before and after, with the interval of the ratio.

    Counts are taken as Poisson ones, kilograms as a compound Poisson sum
    (:math:`a / (\sum x^2/\sum x)` events), as in :func:`geocn.evaluation.compare_periods`.
    Where sources were silent on different days no ratio is told.

    Returns
    -------
    DataFrame
        ``drug`` (null where unknown), ``n_before, n_after, ratio, ratio_low, ratio_high,
        p_value`` and the same of kilograms, ``kg_before`` …; the most frequent drug first.
    """
    sides = [world.layers.get("seizures") for world in changes.worlds]
    columns = _COUNTED + tuple(f"kg_{name}" for name in _KG)
    if any(side is None or "drug" not in side for side in sides):
        return pd.DataFrame(columns=["drug", *columns])
    frames: list[pd.DataFrame] = [side for side in sides if side is not None]
    pair = (changes.before, changes.after)
    days = {d for f in frames for d in days_by_source("seizures", f, silences, pair)}
    known = days.pop() if len(days) == 1 else (0, 0) if days else (pair[0].days, pair[1].days)
    drugs = [frame["drug"].astype(object).where(frame["drug"].notna(), "") for frame in frames]
    names = sorted({*drugs[0], *drugs[1]})
    rows = []
    for name in names:
        mine = [frame[drug == name] for frame, drug in zip(frames, drugs, strict=True)]
        counted = _compared([np.ones(len(one)) for one in mine], known)
        row: dict[str, Any] = {"drug": name or None}
        row |= dict(zip(_COUNTED, counted, strict=True))
        kilograms = [_weights(one) for one in mine] if weight else [np.zeros(0)] * 2
        row |= {
            f"kg_{key}": value for key, value in zip(_KG, _compared(kilograms, known), strict=True)
        }
        rows.append(row)
    table = pd.DataFrame(rows, columns=["drug", *columns])
    if not weight or not all("weight_kg" in frame for frame in frames):
        table = table.drop(columns=[name for name in table if str(name).startswith("kg_")])
    total = table["n_before"] + table["n_after"]
    order = np.lexsort((table["drug"].fillna("").to_numpy(dtype=str), -total.to_numpy(dtype=float)))
    return table.iloc[order].reset_index(drop=True).astype({"drug": "str"})


_COUNTED = ("n_before", "n_after", "ratio", "ratio_low", "ratio_high", "p_value")
_KG = ("before", "after", "ratio", "ratio_low", "ratio_high", "p_value")


def _weights(frame: pd.DataFrame) -> Any:
    if "weight_kg" not in frame:
        return np.zeros(0)
    return np.nan_to_num(frame["weight_kg"].to_numpy(dtype=float, na_value=np.nan))


def _compared(amounts: Sequence[Any], days: tuple[int, int]) -> tuple[float, ...]:
    """Return the sums, the ratio of their rates, its interval and the p-value."""
    both = np.concatenate(amounts)
    before, after = (float(one.sum()) for one in amounts)
    if before + after <= 0 or min(days) <= 0:
        return before, after, math.nan, math.nan, math.nan, math.nan
    size = float((both**2).sum() / both.sum())
    scale = days[1] / days[0]
    y_b, y_a = np.array([before / size]), np.array([after / size])
    low, high = ratio_interval(y_a, y_b, np.array([scale]), _CONFIDENCE)
    p = conditional_p(y_a, y_b, np.array([scale / (1 + scale)]))
    ratio = after / (scale * before) if before else math.inf
    return before, after, ratio, float(low[0]), float(high[0]), float(p[0])


def brief_of(
    changes: Changes,
    *,
    title: str,
    marking: Marking,
    language: str,
    as_of: object = None,
    sources: Iterable[str] = (),
    limits: Iterable[str] = (),
    silences: Sequence[Silence] = (),
    drugs: pd.DataFrame | None = None,
    author: str | None = None,
    releasable_to: str | None = None,
    is_own: bool = True,
) -> Brief:
    """Put what changed onto one page.

    Parameters
    ----------
    changes : Changes
        What was found.
    title, marking, language, as_of, sources, limits, author, releasable_to
        As on the map.
    silences : sequence of Silence
        Gaps to tell of.
    drugs : DataFrame, optional
        As of :func:`totals_by_drug`; without it no totals are told.
    is_own : bool
        Whether the reader holds the project itself: only then are rows counted that the
        layers cannot place in time or space.

    Returns
    -------
    Brief
    """
    words = Words(language)
    facts = [f"{words('cutoff')}: {words.plain(as_of or '–')}", _sources(words, sources)]
    if author:
        facts.append(f"{words('author')}: {words.plain(author, limit=_LONGEST_NAME)}")
    sections = [_summary(words, changes), _table(words, changes)]
    if drugs is not None and len(drugs):
        sections.append(_totals(words, drugs))
    sections.append(Section(words("late"), [words("late_run")], is_list=False))
    sections.append(_unknown(words, changes, silences, is_own=is_own))
    return Brief(
        words,
        title=plain_text(title, limit=_LONGEST),
        subtitle=words("pair", after=changes.after.text, before=changes.before.text),
        marking=str(marking),
        tlp=_TLP[marking],
        releasable_to=f"REL TO {plain_text(releasable_to, limit=60)}" if releasable_to else "",
        facts=facts,
        sections=[*sections, *closing(words, limits)],
    )


def closing(words: Words, limits: Iterable[str], how: str = "how_text") -> list[Section]:
    """Return the limits, and how to read the page."""
    told = [plain_text(one, limit=_LONGEST) for one in limits]
    sections = []
    if told:
        more = [f"… (+{len(told) - _MOST_LINES})"] if len(told) > _MOST_LINES else []
        sections.append(Section(words("limits"), [*told[:_MOST_LINES], *more]))
    sections.append(Section(words("how"), [words(how)], is_list=False))
    return sections


def _sources(words: Words, sources: Iterable[str]) -> str:
    told = ", ".join(plain_text(one, limit=_LONGEST_NAME) for one in sources) or words("none")
    return f"{words('sources')}: {plain_text(told, limit=2 * _LONGEST)}"


def _summary(words: Words, changes: Changes) -> Section:
    lines = []
    for name, frame in changes.frames.items():
        counts = frame["change_class"].value_counts()
        told = {key: words.number(int(counts.get(key, 0))) for key in CLASSES}
        lines.append(words("counts", analysis=name, **told))
    return Section(words("summary"), lines[:_MOST_LINES])


def strongest(changes: Changes, words: Words) -> pd.DataFrame:
    """Return the changes that chance hardly explains, the clearest first.

    Returns
    -------
    DataFrame
        Columns of the change tables without geometry, and ``analysis, row`` and ``where``.
    """
    parts = []
    for name, frame in changes.frames.items():
        clear = frame[frame["change_class"].isin(CHANGED)]
        where = words.places(clear)
        told = pd.DataFrame(clear.drop(columns="geometry"))
        parts.append(told.assign(analysis=name, row=range(len(told)), where=where))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if not len(found):
        return found
    with np.errstate(divide="ignore"):
        size = np.abs(np.log(found["ratio"].to_numpy(dtype=float)))
    p = found["p_value"].fillna(1.0).to_numpy(dtype=float)
    return found.iloc[np.lexsort((found["row"], found["analysis"], -size, p))]


def _table(words: Words, changes: Changes) -> Section:
    found = strongest(changes, words)
    if not len(found):
        key = "no_changes" if changes.frames else "nothing_compared"
        return Section(words("changes"), [words(key)], is_list=False)
    shown = found.head(_MOST_CHANGES)
    rows = []
    for row in shown.to_dict("records"):
        ratio, interval = words.ratio({str(key): value for key, value in row.items()})
        counts = [words.number(row[name]) for name in ("n_before", "n_after")]
        where = f"{row['where']} ({plain_text(row['analysis'], limit=_LONGEST_NAME)})"
        rows.append([where, words(row["change_class"]), *counts, f"{ratio} ({interval})"])
    columns = [words(key) for key in ("where", "class", "before", "now")]
    columns.append(_ratio_heading(words, changes.alpha.values()))
    more = len(found) - len(shown)
    lines = [words("more_changes", n=words.number(more))] if more else []
    return Section(words("changes"), lines, Table(columns, rows, numbers=2), is_list=False)


def _ratio_heading(words: Words, alpha: Iterable[float]) -> str:
    levels = set(alpha)
    if len(levels) != 1:
        return words("ratio_plain")
    return words("ratio", percent=words.percent(1 - levels.pop()))


def _totals(words: Words, drugs: pd.DataFrame) -> Section:
    heading = words("ratio", percent=words.percent(_CONFIDENCE))
    weighed = "kg_before" in drugs
    columns = [words("drug"), words("seizures"), heading]
    columns += [words("weight"), heading] if weighed else []
    rows = []
    for row in drugs.head(_MOST_DRUGS).to_dict("records"):
        name = row["drug"]
        cells = [words.code(name) if isinstance(name, str) else words("unknown_drug")]
        for prefix in ("", "kg_") if weighed else ("",):
            told = {key: row[f"{prefix}{key}"] for key in ("ratio", "ratio_low", "ratio_high")}
            ratio, interval = words.ratio(told)
            sums = [row[f"{prefix or 'n_'}{key}"] for key in ("before", "after")]
            cells += [" → ".join(map(words.number, sums)), f"{ratio} ({interval})"]
        rows.append(cells)
    lines = [words("held_back")] if drugs.attrs.get("held_back") else []
    return Section(words("totals"), lines, Table(columns, rows, numbers=1), is_list=False)


def _unknown(
    words: Words, changes: Changes, silences: Sequence[Silence], *, is_own: bool
) -> Section:
    lines = [
        words(
            "silence",
            source=one.source or "–",
            layer=words.layer(one.layer),
            start=one.start,
            end=one.end,
        )
        for one in silences
        if one.start <= changes.after.end and one.end >= changes.before.start
    ]
    for name, n in changes.unsure.items() if is_own else ():
        if n:
            lines.append(words("unsure", layer=words.layer(name), n=words.number(n)))
    for name in ("seizures", "routes") if is_own else ():
        frames = [world.layers[name] for world in changes.worlds if name in world.layers]
        n = sum(int((~has_geometry(frame)).sum()) for frame in frames)
        if n:
            lines.append(words("placeless", layer=words.layer(name), n=words.number(n)))
    lines += [
        words("skipped", analysis=k, why=plain_text(why, limit=_LONGEST))
        for k, why in changes.skipped.items()
    ]
    more = [f"… (+{len(lines) - _MOST_LINES})"] if len(lines) > _MOST_LINES else []
    return Section(words("unknown"), [*(lines or [words("nothing_unknown")])[:_MOST_LINES], *more])
