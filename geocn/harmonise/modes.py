"""How a consignment moved: road, river, sea, air, foot, rail, post or tunnel."""

from __future__ import annotations

import pandas as pd

from geocn.harmonise._tables import Canonical, canonicalise, vocabulary

__all__ = ["canonical_modes", "mode_names"]


def mode_names() -> tuple[str, ...]:
    """Return the canonical modes.

    Examples
    --------
    >>> "river" in mode_names()
    True
    """
    return vocabulary("mode").words


def canonical_modes(values: pd.Series) -> Canonical:
    """Put a column of transport modes into canonical words.

    Parameters
    ----------
    values : Series
        Modes as reported, in four languages; vehicles and vessels count as their mode.

    Returns
    -------
    Canonical
        ``values`` (null where unknown) and ``unknown`` by frequency.

    Examples
    --------
    >>> canonical_modes(pd.Series(["Commercial air", "lancha rápida", "à pied"])).values.tolist()
    ['air', 'sea', 'foot']
    """
    return canonicalise(values, "mode")
