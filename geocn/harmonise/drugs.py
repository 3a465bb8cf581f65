"""Names of drugs in one taxonomy: group, family, form.

``data/drugs.toml`` holds the tree and its spellings in English, Spanish, French and
Portuguese, with the words that reports use. A name that is not in it is kept as reported
and counted, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from geocn.errors import ParameterError
from geocn.harmonise._tables import load_toml, register
from geocn.harmonise.text import (
    count_values,
    distinct,
    fold,
    is_absent,
    map_distinct,
    spread,
    text_series,
)

__all__ = ["Drug", "DrugResult", "classify_drugs", "drug_table", "rollup"]

Level = Literal["group", "family", "drug"]
_LEVELS: Final = ("group", "family", "drug")
_GREEK: Final = str.maketrans({"α": "alpha ", "β": "beta ", "γ": "gamma ", "δ": "delta "})


@dataclass(frozen=True, slots=True)
class Drug:
    """One node of the taxonomy; ``parent`` is None for a family."""

    name: str
    group: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class DrugResult:
    """A column of drug names in the taxonomy.

    Attributes
    ----------
    drug : Series of str
        Canonical drug; null where nothing is stated or the name is unknown.
    group : Series of str
        Its group.
    unknown : DataFrame
        ``drug`` and ``n_rows`` of the names that are not in the taxonomy, by frequency.
        Rows that state nothing ("unknown", "sin dato") are not among them.
    """

    drug: pd.Series
    group: pd.Series
    unknown: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Taxonomy:
    nodes: Mapping[str, Drug]
    spellings: Mapping[str, str]
    words: Mapping[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...]


@lru_cache(maxsize=1)
def _taxonomy() -> _Taxonomy:
    data: dict[str, Any] = load_toml("drugs.toml")
    nodes: dict[str, Drug] = {}
    spellings: dict[str, str] = {}
    patterns: list[tuple[re.Pattern[str], str]] = []
    for name, entry in data["drug"].items():
        nodes[name] = Drug(name, entry["group"], entry.get("parent"))
        names = [name.replace("_", " "), *(n.translate(_GREEK) for n in entry["names"])]
        register(spellings, names, name, where="drugs.toml")
        patterns += [(re.compile(p), name) for p in entry.get("patterns", [])]
    _check_tree(nodes, data["groups"])
    words: dict[str, str] = {}
    for spelling, name in spellings.items():
        words.setdefault(_word_set(spelling), name)
    return _Taxonomy(nodes, spellings, words, tuple(patterns))


def _check_tree(nodes: Mapping[str, Drug], groups: Mapping[str, str]) -> None:
    for node in nodes.values():
        parent = nodes.get(node.parent) if node.parent else None
        if node.group not in groups or (node.parent and parent is None):
            raise ParameterError(f"drugs.toml: {node.name} has an unknown group or parent")
        if parent is not None and parent.group != node.group:
            raise ParameterError(f"drugs.toml: {node.name} is in another group than its parent")


@lru_cache(maxsize=1)
def _fillers() -> frozenset[str]:
    return frozenset(fold(word) for word in load_toml("drugs.toml")["fillers"])


def _word_set(folded: str) -> str:
    return " ".join(sorted(set(folded.split()) - _fillers()))


@lru_cache(maxsize=8192)
def _find(text: str) -> str | None:
    """Return the drug of one reported name: as spelled, by its words, by a pattern."""
    tree = _taxonomy()
    folded = fold(text.casefold().translate(_GREEK))
    if folded in tree.spellings:
        return tree.spellings[folded]
    words = _word_set(folded)
    if words and words in tree.words:
        return tree.words[words]
    for pattern, name in tree.patterns:
        if pattern.search(folded):
            return name
    return _of_alternatives(text)


def _of_alternatives(text: str) -> str | None:
    """Read ``Marihuana (Cannabis sativa)`` and ``Cocaine / Cocaína``: names of one drug.

    The names must lie on one line of the tree; the closest one counts. Names of different
    drugs are nothing that can be told.
    """
    parts = [part for part in re.split(r"[()/|;]", text) if fold(part)]
    if len(parts) < 2:
        return None
    tree = _taxonomy()
    found = [tree.spellings.get(fold(part.casefold().translate(_GREEK))) for part in parts]
    if any(name is None for name in found):
        return None
    names = [name for name in found if name is not None]
    deepest = max(names, key=lambda name: (len(_chain(name)), -names.index(name)))
    return deepest if all(name in _chain(deepest) for name in names) else None


def _chain(name: str) -> tuple[str, ...]:
    """Return a drug and its ancestors, the family last."""
    chain, nodes = [name], _taxonomy().nodes
    while (parent := nodes[chain[-1]].parent) is not None:
        chain.append(parent)
    return tuple(chain)


def classify_drugs(values: pd.Series) -> DrugResult:
    """Put a column of reported drug names into the taxonomy.

    Parameters
    ----------
    values : Series
        Names as reported, in four languages, with any case, accents and punctuation.

    Returns
    -------
    DrugResult
        With the index of ``values``.

    Examples
    --------
    >>> names = pd.Series(["Cocaine HCL", "clorhidrato de cocaína", "Maconha", "moon dust"])
    >>> result = classify_drugs(names)
    >>> result.drug.tolist()
    ['cocaine_salt', 'cocaine_salt', 'cannabis_herb', nan]
    >>> result.unknown["drug"].tolist()
    ['moon dust']
    """
    codes, uniques = distinct(values)
    texts = [str(item) for item in uniques]
    found = [_find(text) for text in texts]
    nodes = _taxonomy().nodes
    groups = [nodes[name].group if name is not None else None for name in found]
    missed = [n is None and not is_absent(t) for n, t in zip(found, texts, strict=True)]
    unknown = spread(codes, missed, missing=False).astype(np.bool_)
    return DrugResult(
        drug=text_series(spread(codes, found), values.index),
        group=text_series(spread(codes, groups), values.index),
        unknown=count_values(values, unknown, name="drug"),
    )


def rollup(drug: pd.Series, level: Level = "group") -> pd.Series:
    """Lift canonical drugs to a coarser level of the taxonomy.

    Parameters
    ----------
    drug : Series of str
        Canonical drugs, as from :func:`classify_drugs`.
    level : {"group", "family", "drug"}
        ``group`` is the coarsest. At ``family`` the unspecified drug and its salt are one
        (``cocaine`` and ``cocaine_salt``), which keeps a trend whole where a source
        changed its label; base, paste and crack are another family (``cocaine_base``).

    Returns
    -------
    Series of str
        With the same index; null where the drug is null or not in the taxonomy.

    Raises
    ------
    ParameterError
        Where the level is unknown.

    Examples
    --------
    >>> drugs = pd.Series(["cocaine_salt", "cocaine", "coca_paste"])
    >>> rollup(drugs, "family").tolist()
    ['cocaine', 'cocaine', 'cocaine_base']
    >>> rollup(drugs).unique().tolist()
    ['cocaine']
    """
    if level not in _LEVELS:
        raise ParameterError(f"level is {level!r}; choose one of {', '.join(_LEVELS)}")
    nodes = _taxonomy().nodes

    def lift(name: str) -> str | None:
        if name not in nodes:
            return None
        return {"drug": name, "group": nodes[name].group}.get(level, _chain(name)[-1])

    return map_distinct(drug, lift)


def drug_table() -> pd.DataFrame:
    """Return the taxonomy: ``drug, parent, family, group``.

    Examples
    --------
    >>> drug_table().set_index("drug").loc["crack", "family"]
    'cocaine_base'
    """
    rows = [(n.name, n.parent, _chain(n.name)[-1], n.group) for n in _taxonomy().nodes.values()]
    return pd.DataFrame(rows, columns=["drug", "parent", "family", "group"])
