"""What partners do, who they are, how far they are, and what is grown.

Four vocabularies in four languages (``data/kinds.toml``): the kind of an intervention,
the type of a partner, the status of an intervention and the crop of a field.
"""

from __future__ import annotations

import pandas as pd

from geocn.harmonise._tables import Canonical, Vocabulary, canonicalise, vocabulary

__all__ = [
    "Canonical",
    "Vocabulary",
    "canonical_crops",
    "canonical_kinds",
    "canonical_partner_types",
    "canonical_statuses",
    "canonicalise",
    "vocabulary",
]


def canonical_kinds(values: pd.Series) -> Canonical:
    """Put kinds of intervention into canonical words.

    Examples
    --------
    >>> canonical_kinds(pd.Series(["Puesto de control", "Réduction des risques"])).values.tolist()
    ['checkpoint', 'harm_reduction']
    """
    return canonicalise(values, "kind")


def canonical_partner_types(values: pd.Series) -> Canonical:
    """Put types of partner into canonical words.

    Examples
    --------
    >>> canonical_partner_types(pd.Series(["ONG", "Policía"])).values.tolist()
    ['ngo', 'law_enforcement']
    """
    return canonicalise(values, "partner_type")


def canonical_statuses(values: pd.Series) -> Canonical:
    """Put statuses of intervention into planned, active, suspended or ended.

    Examples
    --------
    >>> canonical_statuses(pd.Series(["En curso", "terminé"])).values.tolist()
    ['active', 'ended']
    """
    return canonicalise(values, "status")


def canonical_crops(values: pd.Series) -> Canonical:
    """Put crops into coca, opium_poppy or cannabis.

    Examples
    --------
    >>> canonical_crops(pd.Series(["Amapola", "cocaier", "maconha"])).values.tolist()
    ['opium_poppy', 'coca', 'cannabis']
    """
    return canonicalise(values, "crop")
