"""Sums of a layer held against totals that its source has published."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from geocn.errors import ParameterError, SchemaError
from geocn.provenance import attach


def compare_totals(
    frame: pd.DataFrame,
    published: Mapping[int, float] | pd.Series,
    *,
    value: str = "area_ha",
    key: str = "year",
    tolerance: float = 0.001,
) -> pd.DataFrame:
    r"""Compare sums by ``key`` with published totals: a file read wrong shows at once.

    Parameters
    ----------
    frame : DataFrame
        A layer, such as cultivation by municipality and year.
    published : mapping or Series
        Published total of each key.
    value, key : str
        The column that is summed, and the one it is summed by.
    tolerance : float
        Largest relative difference that still agrees.

    Returns
    -------
    DataFrame
        Indexed by the keys that both have, in order: ``total``, ``published``,
        ``difference`` (:math:`total / published - 1`) and ``agrees``. Keys that only one
        has stand in ``attrs["geocn"]``.

    Raises
    ------
    SchemaError
        Where a column is missing.
    ParameterError
        Where a published total is not positive.

    Examples
    --------
    >>> import pandas
    >>> frame = pandas.DataFrame({"year": [2020, 2020, 2021], "area_ha": [60.0, 40.0, 90.0]})
    >>> compare_totals(frame, {2020: 100.0, 2021: 120.0})["difference"].tolist()
    [0.0, -0.25]
    """
    missing = [column for column in (value, key) if column not in frame]
    if missing:
        raise SchemaError(
            "totals",
            found=f"no column {' or '.join(missing)}",
            expected=f"{value} to sum by {key}",
            repair="Name the columns with value= and key=.",
        )
    stated = pd.Series(published, dtype="float64").dropna()
    if not (stated > 0).all():
        raise ParameterError(
            f"published totals must be positive: {stated[~(stated > 0)].to_dict()}"
        )
    total = frame.groupby(key)[value].sum()
    both = total.index.intersection(stated.index).sort_values()
    result = pd.DataFrame(
        {"total": total.loc[both].astype(float), "published": stated.loc[both]}, index=both
    )
    result["difference"] = result["total"] / result["published"] - 1
    result["agrees"] = result["difference"].abs() <= tolerance
    return attach(
        result,
        "layers.compare_totals",
        value=value,
        key=key,
        tolerance=tolerance,
        only_in_layer=sorted(map(str, total.index.difference(stated.index))),
        only_published=sorted(map(str, stated.index.difference(total.index))),
    )
