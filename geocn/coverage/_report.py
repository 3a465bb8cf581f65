"""What an assessment found, in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from geocn.coverage.result import Coverage

_MOST = 3
_WORDS = {"points": "points", "km": "km", "km2": "km²"}


def report(found: Coverage) -> str:
    """Write the sentences of a report, one a line."""
    lines = [*_whole(found), *_left_out(found), *_partners(found), *_gaps(found)]
    lines += [*_sides(found), *_equity(found), *_service(found), *_areas(found), *_periods(found)]
    return "\n".join(lines)


def _percent(share: float) -> str:
    return "no share (there is no demand)" if np.isnan(share) else f"{100 * share:.1f} %"


def _amount(value: float, unit: str) -> str:
    return f"{value:,.6g} {_WORDS.get(unit, unit)}"


def _whole(found: Coverage) -> list[str]:
    lines = [
        (
            f"Of {_amount(found.total, found.unit)} of demand, "
            f"{_amount(found.covered, found.unit)} lie within reach: "
            f"{_percent(found.share_covered)}."
        )
    ]
    low, high = found.share_covered_low, found.share_covered_high
    if high - low > 1e-9:
        lines.append(
            f"Places are imprecise: surely covered are {_percent(low)}, possibly {_percent(high)}."
        )
    return lines


def _left_out(found: Coverage) -> list[str]:
    lines = []
    if found.n_left_out and isinstance(found.demand, xr.Dataset):
        lines.append(f"{_count(found.n_left_out, 'cell')} without data: nothing is known there.")
    elif found.n_left_out:
        lines.append(
            f"{_count(found.n_left_out, 'row')} of demand without a place "
            f"({_amount(found.weight_left_out, found.unit)}): not in these shares."
        )
    if found.overlap_weight > 0:
        lines.append(
            f"{_amount(found.overlap_weight, found.unit)} were given twice by overlapping "
            "demand and counted once."
        )
    if found.n_presence_only:
        lines.append(
            f"{_count(found.n_presence_only, 'intervention')} without a reach: presence only."
        )
    return lines


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _partners(found: Coverage) -> list[str]:
    name, table = next(iter(found.by.items()))
    some = table[table["covered_weight"] > 0].head(_MOST)
    lines = [
        f"{row[name]} covers {_percent(row['share_covered'])}, "
        f"{_amount(row['exclusive_weight'], found.unit)} of it alone."
        for _, row in some.iterrows()
    ]
    matrix = found.duplication.to_numpy().copy()
    if len(matrix) > 1:
        matrix[np.triu_indices(len(matrix))] = 0.0
        i, j = np.unravel_index(int(matrix.argmax()), matrix.shape)
        if matrix[i, j] > 0:
            first, second = (found.duplication.index[int(k)] for k in (j, i))
            lines.append(
                f"Most is covered twice by {first} and {second}: "
                f"{_amount(float(matrix[i, j]), found.unit)}."
            )
    return lines


def _gaps(found: Coverage) -> list[str]:
    if not len(found.gaps):
        return ["There are no gaps."] if found.total > 0 else []
    what = "listed cell" if isinstance(found.demand, xr.Dataset) else "gap"
    first = found.gaps.iloc[0]
    where = f" in {first['area']}" if isinstance(first.get("area"), str) else ""
    site = first["nearest_site"]
    near = (
        f"; the nearest site is {site}, {first['nearest_site_km']:.0f} km away"
        if isinstance(site, str)
        else ""
    )
    return [
        (
            f"{_count(len(found.gaps), what)} out of reach, the heaviest first: the first holds "
            f"{_amount(float(first['gap_weight']), found.unit)}{where}{near}."
        )
    ]


def _sides(found: Coverage) -> list[str]:
    table = found.complementarity.set_index("side")["share"]
    if table.isna().any():
        return []
    lines = [
        (
            f"Security alone covers {_percent(table['security only'])}, civilians alone "
            f"{_percent(table['civilian only'])}, both {_percent(table['both'])}, "
            f"neither {_percent(table['neither'])}."
        )
    ]
    if found.unknown_kinds:
        kinds = ", ".join(f"{kind} ({n})" for kind, n in found.unknown_kinds.items())
        lines.append(f"Of no known side, and so left out of these four: {kinds}.")
    return lines


def _equity(found: Coverage) -> list[str]:
    even = found.equity
    if np.isnan(even.gini):
        return []
    return [
        (
            f"The worst-covered tenth of the demand has {_percent(even.worst_decile)}, the best "
            f"{_percent(even.best_decile)}; the Gini coefficient is {even.gini:.2f}."
        )
    ]


def _service(found: Coverage) -> list[str]:
    service = found.service
    if service is None:
        return []
    how = {"most": "at best", "nearest": "nearest first", "proportional": "by capacity"}
    lines = [
        (
            f"Within their capacity sites serve {_percent(service.share_served)} "
            f"({how[service.allocation]}); the most they could is {_percent(service.share_most)}."
        )
    ]
    if service.n_unknown:
        lines.append(
            f"{_count(service.n_unknown, 'site')} without a stated capacity serve nobody here; "
            f"without limit it would be up to {_percent(service.share_served_high)}."
        )
    return lines


def _areas(found: Coverage) -> list[str]:
    if found.by_area is None or not len(found.by_area):
        return []
    ranked = found.by_area[found.by_area["gap_weight"] > 0].nsmallest(_MOST, "gap_rank")
    parts = [
        f"{row['area_name']} ({_amount(float(row['gap_weight']), found.unit)})"
        for _, row in ranked.iterrows()
    ]
    lines = [f"Most is missing in {', '.join(parts)}."] if parts else []
    if found.weight_outside_areas > 1e-9 * found.total:
        lines.append(f"{_amount(found.weight_outside_areas, found.unit)} lie in none of the areas.")
    return lines


def _periods(found: Coverage) -> list[str]:
    table = found.by_period
    if table is None or not len(table) or table["share_covered"].isna().any():
        return []
    first, last = table.iloc[0], table.iloc[-1]
    days = f"{first['period_starts_on']:%Y-%m-%d} to {last['period_ends_on']:%Y-%m-%d}"
    change = f"{_percent(first['share_covered'])} to {_percent(last['share_covered'])}"
    return [f"From {days} the share covered in a period went from {change}."]
