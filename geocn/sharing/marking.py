"""The marking of data: Traffic Light Protocol 2.0 labels and their order.

The labels and their meaning are those of FIRST, "Traffic Light Protocol (TLP)
version 2.0" (2022), https://www.first.org/tlp/.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import total_ordering
from types import MappingProxyType
from typing import Any

import pandas as pd

from geocn.errors import ParameterError

_NOT_LETTERS = re.compile(r"[^a-z]+")


@total_ordering
class Marking(Enum):
    """A TLP 2.0 label; a higher one may be shown to fewer people.

    Example
    -------
    >>> Marking.parse("tlp amber") < Marking.RED
    True
    >>> str(Marking.parse("TLP:WHITE"))  # TLP 1.0
    'TLP:CLEAR'
    """

    CLEAR = "TLP:CLEAR"
    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    RED = "TLP:RED"

    def __str__(self) -> str:
        """Return the label as it is printed."""
        return str(self.value)

    def __lt__(self, other: object) -> bool:
        """Order labels from the widest audience to the narrowest."""
        if not isinstance(other, Marking):
            return NotImplemented
        return self.rank < other.rank

    @property
    def rank(self) -> int:
        """Place in the order: 0 for TLP:CLEAR to 4 for TLP:RED."""
        return list(Marking).index(self)

    @classmethod
    def parse(cls, text: str | Marking) -> Marking:
        """Read a label in any of its spellings: ``"TLP:AMBER+STRICT"``, ``"amber strict"``.

        Raises
        ------
        ParameterError
            Where the text is no TLP label.
        """
        if isinstance(text, Marking):
            return text
        words = _NOT_LETTERS.sub(" ", str(text).casefold()).split()
        spelled = " ".join(words[1:] if words[:1] == ["tlp"] else words)
        if spelled not in _SPELLINGS:
            labels = ", ".join(map(str, cls))
            raise ParameterError(f"{text!r} is no TLP 2.0 marking; write one of {labels}.")
        return _SPELLINGS[spelled]

    @classmethod
    def highest(cls, markings: Iterable[Any]) -> Marking:
        """Return the narrowest of ``markings``; a null one counts as TLP:RED.

        Of no markings at all it is TLP:CLEAR, since nothing is shown.

        Raises
        ------
        ParameterError
            Where one is no TLP label.
        """
        found = {cls.RED if _is_null(one) else cls.parse(one) for one in markings}
        return max(found, default=cls.CLEAR)


_SPELLINGS: Mapping[str, Marking] = MappingProxyType(
    {
        "clear": Marking.CLEAR,
        "white": Marking.CLEAR,
        "green": Marking.GREEN,
        "amber": Marking.AMBER,
        "amber strict": Marking.AMBER_STRICT,
        "red": Marking.RED,
    }
)


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def marking_of(*layers: Any) -> Marking:
    """Return the marking that a product of these layers must carry.

    Parameters
    ----------
    *layers : GeoDataFrame, DataFrame, DataArray or Dataset
        Frames with a ``marking`` column, or rasters with a ``"marking"`` in ``attrs``.
        What is unlabelled counts as TLP:RED.

    Raises
    ------
    ParameterError
        Where a label is none of TLP 2.0.

    Example
    -------
    >>> frame = pd.DataFrame({"marking": ["TLP:GREEN", "TLP:AMBER"]})
    >>> str(marking_of(frame))
    'TLP:AMBER'
    """
    return Marking.highest(label for layer in layers for label in _labels(layer))


def _labels(layer: Any) -> list[Any]:
    if isinstance(layer, pd.DataFrame):
        if len(layer) and "marking" not in layer:
            return [None]
        return list(layer["marking"].unique()) if "marking" in layer else []
    return [layer.attrs.get("marking")]
