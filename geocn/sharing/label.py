"""Labels: TLP marking, classification and releasability; and what it takes to lower one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from geocn.errors import ParameterError
from geocn.sharing.marking import Marking, marking_of

# In the order of NATO security policy; other words are refused rather than guessed.
_CLASSIFICATIONS = ("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET", "TOP SECRET")
_NOT_LETTERS = re.compile(r"[^A-Z]+")
_OWNERS = ("NATO", "EU", "COSMIC")

#: Colours of TLP 2.0 text on a black ground, as FIRST prescribes them.
TLP_COLOURS: Mapping[Marking, str] = MappingProxyType(
    {
        Marking.RED: "#FF2B2B",
        Marking.AMBER_STRICT: "#FFC000",
        Marking.AMBER: "#FFC000",
        Marking.GREEN: "#33FF00",
        Marking.CLEAR: "#FFFFFF",
    }
)
TLP_GROUND = "#000000"


def classification_rank(text: str) -> int:
    """Return the place of a classification in its order, 0 for UNCLASSIFIED.

    Raises
    ------
    ParameterError
        Where the word is none of the five.

    Example
    -------
    >>> classification_rank("NATO Restricted")
    1
    """
    words = _NOT_LETTERS.sub(" ", str(text).upper()).split()
    plain = " ".join(word for word in words if word not in _OWNERS)
    if plain not in _CLASSIFICATIONS:
        known = ", ".join(_CLASSIFICATIONS)
        raise ParameterError(f"{text!r} is no classification; write one of {known}.")
    return _CLASSIFICATIONS.index(plain)


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on a product: marking, classification and who may have it.

    Attributes
    ----------
    marking : Marking
        TLP 2.0.
    classification : str, optional
        A national or NATO classification, apart from the TLP marking.
    releasable_to : tuple of str, optional
        Who may have it; None where nobody is named.

    Example
    -------
    >>> one = Label(Marking.GREEN, "RESTRICTED", ("ngo", "military"))
    >>> other = Label(Marking.AMBER, None, ("military",))
    >>> str(Label.highest([one, other]))
    'TLP:AMBER · RESTRICTED · REL TO military'
    """

    marking: Marking
    classification: str | None = None
    releasable_to: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.classification is not None:
            classification_rank(self.classification)

    def __str__(self) -> str:
        """Return the label as it is printed."""
        parts = [str(self.marking)]
        if self.classification is not None:
            parts.append(self.classification)
        if self.releasable_to is not None:
            parts.append(f"REL TO {', '.join(self.releasable_to) or 'NOBODY'}")
        return " · ".join(parts)

    @classmethod
    def highest(cls, labels: Iterable[Label]) -> Label:
        """Return the label of a product of all: highest marks, and whom every one names."""
        every = list(labels)
        classes = [one.classification for one in every if one.classification is not None]
        lists = [one.releasable_to for one in every if one.releasable_to is not None]
        to = None
        if lists:
            to = tuple(name for name in lists[0] if all(name in other for other in lists))
        return cls(
            Marking.highest(one.marking for one in every),
            max(classes, key=classification_rank, default=None),
            to,
        )


def label_of(*layers: Any) -> Label:
    """Return the label that a product of these layers must carry.

    Parameters
    ----------
    *layers : GeoDataFrame, DataFrame, DataArray or Dataset
        Frames with ``marking`` and, where they have them, ``classification`` and
        ``releasable_to`` columns; rasters with these in ``attrs``. What carries no marking
        counts as TLP:RED; a row that names nobody bars nobody.

    Raises
    ------
    ParameterError
        Where a marking is none of TLP 2.0, or a classification is none of the five.

    Example
    -------
    >>> frame = pd.DataFrame({"marking": ["TLP:GREEN"], "releasable_to": ["ngo; military"]})
    >>> label_of(frame).releasable_to
    ('ngo', 'military')
    """
    found = [Label(marking_of(*layers))]
    for layer in layers:
        found += [
            Label(Marking.CLEAR, classification=str(value))
            for value in _of(layer, "classification")
        ]
        for value in _of(layer, "releasable_to"):
            names = tuple(part.strip() for part in str(value).split(";") if part.strip())
            found += [Label(Marking.CLEAR, releasable_to=names)] if names else []
    return Label.highest(found)


def _of(layer: Any, key: str) -> list[Any]:
    if isinstance(layer, pd.DataFrame):
        return list(layer[key].dropna().unique()) if key in layer else []
    value = layer.attrs.get(key)
    return [] if value is None else [value]


def lower_marking(
    layer: pd.DataFrame, *, to: str | Marking, approver: str, reason: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Lower the marking of the rows above ``to``, by somebody who answers for it.

    Parameters
    ----------
    layer : DataFrame
        With a ``marking`` column.
    to : str or Marking
        The label that rows above it get. Rows at or below it, and unlabelled ones, stay.
    approver, reason : str
        Who lowers it, and why.

    Returns
    -------
    layer : DataFrame
        A copy. The record is also the last of ``attrs["lowered"]``.
    record : dict
        ``to, approver, reason, n_rows`` and how many rows had which label before.

    Raises
    ------
    ParameterError
        Without an approver or a reason, or where ``to`` is no TLP label.

    Example
    -------
    >>> frame = pd.DataFrame({"marking": ["TLP:AMBER", "TLP:CLEAR"]})
    >>> lowered, record = lower_marking(
    ...     frame, to="TLP:GREEN", approver="Desk officer", reason="Court ruling is public"
    ... )
    >>> lowered["marking"].tolist(), record["n_rows"]
    (['TLP:GREEN', 'TLP:CLEAR'], 1)
    """
    missing = [
        name for name, said in (("approver", approver), ("reason", reason)) if not _said(said)
    ]
    if missing:
        raise ParameterError(
            f"lowering a marking needs {' and '.join(missing)}; nothing was changed."
        )
    if "marking" not in layer:
        raise ParameterError("the layer has no `marking` to lower; set one first.")
    target = Marking.parse(to)
    labels = {
        value: None if pd.isna(value) else Marking.parse(value)
        for value in layer["marking"].unique()
    }
    above = [value for value, label in labels.items() if label is not None and label > target]
    rows = layer["marking"].isin(above)
    lowered = layer.copy()
    lowered["marking"] = layer["marking"].mask(rows, str(target))
    record = {
        "to": str(target),
        "approver": approver.strip(),
        "reason": reason.strip(),
        "n_rows": int(rows.sum()),
        "from": {str(labels[v]): int((layer["marking"] == v).sum()) for v in above},
    }
    lowered.attrs = {**layer.attrs, "lowered": [*layer.attrs.get("lowered", []), record]}
    return lowered, record


def _said(text: Any) -> bool:
    return isinstance(text, str) and bool(text.strip())
