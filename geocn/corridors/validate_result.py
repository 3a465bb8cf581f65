"""What a validation found: tables, the line of a legend, and where a map looks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geocn.errors import ParameterError
from geocn.provenance import KEY, plain

_WORDS = {"straight_line": "straight line", "road_distance": "distance to roads"}


@dataclass(frozen=True)
class Validation:
    """What :func:`geocn.corridors.validate` found.

    Attributes
    ----------
    scores : DataFrame
        One row a method (``model`` first, then the baselines): ``auc`` with ``auc_low`` and
        ``auc_high``; ``captured_10pct`` and the like, each with ``_low`` and ``_high``;
        ``median_distance_m`` and ``p90_distance_m``; ``boyce``; and, for a baseline,
        ``lead_auc`` and ``lead_10pct`` (model less baseline) with intervals.
        ``attrs["geocn"]`` holds numbers of observations and options.
    curve : DataFrame
        ``method``, ``area_share`` and ``captured`` from 0 to 1 in steps of 0.01.
    """

    scores: pd.DataFrame
    curve: pd.DataFrame

    @property
    def record(self) -> dict[str, Any]:
        """Options and counts of the comparison."""
        return dict(self.scores.attrs[KEY])

    def captured(self, share: float, method: str = "model") -> float:
        """Share of the observations within the top ``share`` of the area.

        Raises
        ------
        ParameterError
            Where the method was not compared, or the share is not within 0 and 1.
        """
        if method not in self.scores.index or not 0 <= share <= 1:
            raise ParameterError(f"no curve of {method!r} at a share of {share!r}")
        mine = self.curve[self.curve["method"] == method]
        return float(np.interp(share, mine["area_share"], mine["captured"]))

    def legend_text(self, share: float = 0.10) -> str:
        """One line for the legend of a map, with what the baselines capture beside it."""
        record = self.record
        if not record["n_observed"]:
            return "not scored: no held-out observations"
        told = f"captures {_percent(self.captured(share))} of {record['n_observed']} held-out "
        told += f"{record['noun']} in {_percent(share)} of area"
        others = [name for name in self.scores.index if name != "model"]
        if not others:
            return f"{told} (no baseline)"
        beside = [f"{_WORDS[name]} {_percent(self.captured(share, name))}" for name in others]
        return f"{told} ({', '.join(beside)})"

    def summary(self) -> str:
        """Tell in a few lines what was found and what was not compared."""
        record = self.record
        lines = [
            f"{record['n_observed']} {record['noun']}, {record['n_imprecise']} of them imprecise"
        ]
        for name, row in self.scores.iterrows():
            lines.append(
                f"{_WORDS.get(str(name), name)}: AUC {row['auc']:.3f} "
                f"({row['auc_low']:.3f} to {row['auc_high']:.3f}), median distance "
                f"{row['median_distance_m']:.0f} m"
            )
        lines += [
            f"not compared with {_WORDS[name]}: {why}" for name, why in record["without"].items()
        ]
        if record["share_outside"] > 0:
            lines.append(f"{_percent(record['share_outside'])} lie where the model says nothing")
        return "\n".join([*lines, self.legend_text()])


def with_score(corridors: Any, validation: Validation, *, share: float = 0.10) -> Any:
    """Put a score into the attributes of a corridor result, where a map's legend finds it.

    Parameters
    ----------
    corridors : GeoDataFrame, DataArray or Dataset
        Not changed.
    validation : Validation
        What :func:`geocn.corridors.validate` found for it.
    share : float
        Share of the area that the legend tells of.

    Returns
    -------
    GeoDataFrame, DataArray or Dataset
        A copy with ``attrs["geocn"]["validation"]``: the line for the legend, the scores by
        method, and what was not compared.

    Raises
    ------
    ParameterError
        Where ``share`` is not within 0 and 1.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geocn.corridors import validate
    >>> way = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 0.1)], crs=4326)
    >>> seen = gpd.GeoDataFrame(geometry=[shapely.Point(0.5, 0.05), shapely.Point(1, 1)], crs=4326)
    >>> with_score(way, validate(way, seen)).attrs["geocn"]["validation"]["legend"]
    'captures 50 % of 2 held-out events in 10 % of area (no baseline)'
    """
    scored = corridors.copy()
    record = dict(scored.attrs.get(KEY, {}))
    record.pop("note", None)
    told = validation.record
    names = [name for name in map(str, validation.scores) if not name.startswith("lead_")]
    by_method = {
        method: {name: None if pd.isna(value) else value for name, value in row.items()}
        for method, row in validation.scores[names].to_dict("index").items()
    }
    record["validation"] = plain(
        {
            "legend": validation.legend_text(share),
            "scores": by_method,
            "n_observed": told["n_observed"],
            "without": told["without"],
        }
    )
    record["score"] = plain(by_method["model"]["auc"])
    scored.attrs = {**scored.attrs, KEY: record}
    return scored


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
