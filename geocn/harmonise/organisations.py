"""Partner names resolved to organisations: what is sure is applied, the rest is suggested."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.harmonise.organisations_aliases import read_aliases
from geocn.harmonise.organisations_known import known_table
from geocn.harmonise.organisations_names import is_unstated, name_key
from geocn.harmonise.organisations_settling import (
    Book,
    Case,
    read_case,
    representatives,
    settle,
)
from geocn.harmonise.organisations_spelling import Unsettled, suggest
from geocn.harmonise.text import distinct, spread, text_series

_HALF = re.compile("[\ud800-\udfff]")
#: Columns of a frame of suggestions.
SUGGESTION_COLUMNS = ("name", "suggested", "score", "why", "n_rows")


@dataclass(frozen=True)
class OrganisationMatch:
    """Names resolved to organisations.

    Attributes
    ----------
    organisation, section, how : Series of str
        For each name, with its index: the canonical organisation, its section where the
        name says one, and how it was found: ``alias`` (confirmed in the table of aliases),
        ``exact`` (a name of the bundled table, or another spelling of a name of the list),
        ``acronym``, ``section``, ``fuzzy-suggested`` (kept as it is; see ``suggestions``) or
        ``unknown`` (kept as it is). All three are null where a name says nothing ("N/A").
    suggestions : DataFrame
        ``name, suggested, score, why, n_rows``: what a person may confirm. ``score`` is the
        normalised edit similarity, 0 to 100, null where no spelling was compared.
    ambiguous : DataFrame
        ``acronym, organisations``: acronyms that several organisations share and that were
        therefore not resolved; organisations separated by ``"; "``.
    merged : DataFrame
        ``organisation, n_names, n_rows`` of the organisations that several names mean.
    unresolved : DataFrame
        ``name, n_rows`` of the organisations that nothing confirms, most rows first.
    """

    organisation: pd.Series
    section: pd.Series
    how: pd.Series
    suggestions: pd.DataFrame
    ambiguous: pd.DataFrame
    merged: pd.DataFrame
    unresolved: pd.DataFrame


def resolve_organisations(
    names: pd.Series | Iterable[str | None],
    *,
    aliases: pd.DataFrame | StrPath | None = None,
    min_score: float = 90.0,
) -> OrganisationMatch:
    """Resolve names of organisations to one canonical name each.

    Applied without asking: names confirmed in ``aliases``; names of the bundled table in
    four languages, their unshared acronyms, and its sections and country offices; and names
    of the list itself that differ only in case, accents, punctuation, spaces or legal form,
    or by an acronym that the list spells out ("Fundación Ejemplo (FE)") for one organisation
    only. Near spellings, shared acronyms, initials and other parts of names are only
    suggested: different organisations often have near names.

    Parameters
    ----------
    names : Series or iterable of str
        Names as reported; nulls stay null.
    aliases : DataFrame or path, optional
        Table of aliases: ``alias, organisation`` and, where wanted, ``section`` and
        ``confirmed``. It overrules everything else.
    min_score : float
        Least normalised edit similarity of a suggested spelling, 0 to 100.

    Returns
    -------
    OrganisationMatch
        The same for any order of the names.

    Raises
    ------
    SchemaError
        Where the table of aliases lacks a column or has an unknown one.
    LayerError
        Where its rows contradict each other; with the rows.
    ParameterError
        Where ``min_score`` is not between 50 and 100.

    Examples
    --------
    >>> names = ["MSF-B", "Fundación Luz", "FUNDACION LUZ", "Fundacion Lus"]
    >>> match = resolve_organisations(names)
    >>> match.organisation.tolist()
    ['MSF', 'Fundación Luz', 'Fundación Luz', 'Fundacion Lus']
    >>> match.section[0], match.how.tolist()
    ('OCB', ['section', 'unknown', 'exact', 'fuzzy-suggested'])
    >>> match.suggestions[["name", "suggested", "score"]].values.tolist()
    [['Fundacion Lus', 'Fundación Luz', 91.7]]
    """
    if not 50 <= min_score <= 100:
        raise ParameterError(f"min_score is {min_score!r}; choose between 50 and 100")
    values = names if isinstance(names, pd.Series) else pd.Series(list(names), dtype="object")
    confirmed = read_aliases(aliases)
    codes, uniques = distinct(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(uniques))
    # Half of a character (a lone surrogate) is no text that a column could hold.
    texts = [_HALF.sub("\ufffd", str(text)) for text in uniques]
    cases = {
        text: read_case(text, int(n)) for text, n in zip(texts, counts, strict=True)
        if not is_unstated(text)
    }  # fmt: skip
    book = Book(known_table(), confirmed, [case.name for case in cases.values()])
    contested = settle(cases.values(), book)
    chosen = representatives(cases.values())
    shared = {
        key: sorted(one.name if one.is_settled else chosen[one.name].name.text for one in held)
        for key, held in contested.items()
    }
    suggestions = _suggestions(cases.values(), chosen, book, shared, min_score=min_score)
    asked = set(suggestions["name"])
    results = [_result(cases.get(text), chosen, asked) for text in texts]
    organisation, section, how = (
        text_series(spread(codes, [one[part] for one in results]), values.index)
        for part in range(3)
    )
    return OrganisationMatch(
        organisation,
        section,
        how,
        suggestions=suggestions,
        ambiguous=_ambiguous(cases.values(), shared),
        merged=_merged(texts, counts, results),
        unresolved=_unresolved(counts, results),
    )


def _suggestions(
    cases: Iterable[Case],
    chosen: dict[str, Case],
    book: Book,
    shared: dict[str, list[str]],
    *,
    min_score: float,
) -> pd.DataFrame:
    rows: dict[str, int] = {}
    targets: dict[str, str] = dict(book.known.names)
    for case in cases:
        if case.found is None:
            rows[case.owner] = rows.get(case.owner, 0) + case.n_rows
        else:
            targets.setdefault(case.name.key, case.found.organisation)
    for name, _ in book.aliases.targets.values():
        targets.setdefault(name_key(name), name)
    unsettled = [
        Unsettled(
            case.name.text, owner, case.name.bare, tuple(p.key for p in case.parts), rows[owner]
        )
        for owner, case in sorted(chosen.items())
    ]
    found = suggest(unsettled, targets, book.known, shared=shared, min_score=min_score)
    n_rows = {one.name: one.n_rows for one in unsettled}
    refused = book.aliases.refused
    table = [
        (one.name, one.suggested, one.score, one.why, n_rows[one.name])
        for one in found
        if (name_key(one.name), name_key(one.suggested)) not in refused
    ]
    frame = pd.DataFrame(table, columns=list(SUGGESTION_COLUMNS))
    return frame.astype(
        {"name": "str", "suggested": "str", "score": "float64", "why": "str", "n_rows": "int64"}
    )


_Result = tuple[str | None, str | None, str | None]


def _result(case: Case | None, chosen: dict[str, Case], asked: set[str]) -> _Result:
    if case is None:
        return None, None, None
    if case.found is not None:
        return case.found.organisation, case.found.section, case.found.how
    shown = chosen[case.owner].name
    if shown.text != case.name.text:
        by_acronym = case.acronym or case.name.bare not in (shown.bare, case.owner)
        return shown.text, None, "acronym" if by_acronym else "exact"
    return shown.text, None, "fuzzy-suggested" if shown.text in asked else "unknown"


def _ambiguous(cases: Iterable[Case], shared: dict[str, list[str]]) -> pd.DataFrame:
    said = {
        case.name.text: "; ".join(shared[case.name.key])
        for case in cases
        if case.found is None and case.name.key in shared
    }
    rows = sorted(said.items())
    return pd.DataFrame(rows, columns=["acronym", "organisations"]).astype("str")


def _merged(texts: list[str], counts: np.ndarray, results: list[_Result]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "organisation": pd.Series([one[0] for one in results], dtype="str"),
            "n_names": 1,
            "n_rows": counts.astype(np.int64),
        }
    )
    summed = table.groupby("organisation", as_index=False, sort=True).sum()
    return summed[summed["n_names"] > 1].reset_index(drop=True)


def _unresolved(counts: np.ndarray, results: list[_Result]) -> pd.DataFrame:
    open_ = {one[0] for one in results if one[2] in ("unknown", "fuzzy-suggested")}
    rows: dict[str, int] = {}
    for one, n in zip(results, counts.tolist(), strict=True):
        if one[0] in open_:
            rows[str(one[0])] = rows.get(str(one[0]), 0) + n
    ordered = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    frame = pd.DataFrame(ordered, columns=["name", "n_rows"])
    return frame.astype({"name": "str", "n_rows": "int64"})
