"""Group-time effects, what they add up to, and what each area contributes to the error.

Plain arrays: areas in rows, periods in columns, one effect a column of ``influence``. Influence
functions sum to 0 and their squares to the variance (Callaway & Sant'Anna 2021,
doi:10.1016/j.jeconom.2020.12.001, without covariates, base period universal).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geocn._typing import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Setting:
    """Who begins when, and until when each area is fit to be compared with."""

    outcome: FloatArray
    periods: IntArray
    #: First period of the exposure whose effect is asked for, infinite without.
    start: FloatArray
    #: The area is a control in periods before this one; minus infinity: never.
    clean_until: FloatArray
    weight: FloatArray

    @property
    def groups(self) -> FloatArray:
        """First periods, in order."""
        return np.unique(self.start[np.isfinite(self.start)])


@dataclass(frozen=True, slots=True)
class Cells:
    """ATT(g, t) with one row a group and one column a period; NaN where none can be had."""

    groups: FloatArray
    att: FloatArray
    #: Column of the last period before the group began.
    base: IntArray
    n_controls: IntArray
    size: FloatArray
    n_members: IntArray
    event_time: FloatArray

    @property
    def usable(self) -> BoolArray:
        """Cells with an effect that is not the base period itself."""
        found: BoolArray = ~np.isnan(self.att)
        found[np.arange(len(self.base)), self.base] = False
        return found


def pool_of(setting: Setting, g: float, base: int) -> BoolArray:
    """Areas (rows) that are controls of group ``g`` in each period (columns)."""
    latest = np.maximum(setting.periods, setting.periods[base])
    fit: BoolArray = setting.clean_until[:, None] > latest
    fit[setting.start == g] = False
    return fit


def group_time(setting: Setting) -> Cells:
    """Effect of each group in each period: its change since the base, less the controls'."""
    groups, periods = setting.groups, setting.periods
    base = np.searchsorted(periods, groups, side="left") - 1
    att = np.full((len(groups), len(periods)), np.nan)
    n_controls = np.zeros(att.shape, dtype=np.int64)
    size = np.zeros(len(groups))
    members = np.zeros(len(groups), dtype=np.int64)
    for i, g in enumerate(groups):
        mine, pool = setting.start == g, pool_of(setting, g, base[i])
        change = setting.outcome - setting.outcome[:, [base[i]]]
        weight = np.where(pool, setting.weight[:, None], 0.0)
        size[i], members[i], n_controls[i] = setting.weight[mine].sum(), mine.sum(), pool.sum(0)
        with np.errstate(invalid="ignore"):
            control = (weight * change).sum(axis=0) / weight.sum(axis=0)
        att[i] = (setting.weight[mine, None] * change[mine]).sum(axis=0) / size[i] - control
    event_time = periods[None, :] - groups[:, None]
    return Cells(groups, att, base, n_controls, size, members, event_time)


@dataclass(frozen=True, slots=True)
class Effects:
    """Averages of cells, each with what every area contributes to its error."""

    estimate: FloatArray
    influence: FloatArray
    #: Share of each cell (effect, group, period) in the effect; rows sum to 1.
    share: FloatArray

    def combine(self, matrix: FloatArray) -> Effects:
        """Return linear combinations of the effects."""
        return Effects(
            matrix @ self.estimate,
            self.influence @ matrix.T,
            np.tensordot(matrix, self.share, axes=1),
        )


def average(setting: Setting, cells: Cells, members: FloatArray) -> Effects:
    """Average cells by ``members`` (effect, group, period) times the size of the group.

    An effect without any usable cell is NaN.
    """
    usable = np.where(cells.usable, members, 0.0)
    att = np.nan_to_num(cells.att)
    size = cells.size[None, :, None]
    total = (usable * size).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        per_weight = usable / total[:, None, None]
        share = per_weight * size
        estimate = (share * att).sum(axis=(1, 2))
    drift = (per_weight * (att - estimate[:, None, None])).sum(axis=2)
    own = np.zeros((len(setting.start), len(estimate)))
    control = np.zeros_like(own)
    for i, g in enumerate(cells.groups):
        change = setting.outcome - setting.outcome[:, [cells.base[i]]]
        mine = setting.start == g
        own[mine] = change[mine] @ per_weight[:, i].T
        control += _control_part(setting, cells, i, change) @ share[:, i].T
    for rows in _alike(setting, cells):
        weight = setting.weight[rows, None]
        own[rows] -= (weight * own[rows]).sum(axis=0) / weight.sum()
    for i, g in enumerate(cells.groups):
        # The size of a group is itself a draw.
        own[setting.start == g] += drift[:, i]
    return Effects(estimate, setting.weight[:, None] * own - control, share)


def _control_part(setting: Setting, cells: Cells, i: int, change: FloatArray) -> FloatArray:
    pool = pool_of(setting, cells.groups[i], cells.base[i])
    weight = np.where(pool, setting.weight[:, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.nan_to_num(weight / weight.sum(axis=0))
    part: FloatArray = weight * (change - (weight * change).sum(axis=0))
    return part


def _alike(setting: Setting, cells: Cells) -> list[BoolArray]:
    """Find sets of treated areas whose spread is taken around their own mean.

    A group of one area shows no spread: such groups are taken together and, where there is
    but one of them, with the smallest other group. That counts the difference between their
    effects as noise, so that the error is too large rather than none.
    """
    lone = cells.n_members == 1
    if lone.sum() == 1 and len(lone) > 1:
        rank = np.where(lone, np.iinfo(np.int64).max, cells.n_members)
        lone[np.argmin(rank)] = True
    sets = [setting.start == g for g in cells.groups[~lone]]
    if lone.any():
        sets.append(np.isin(setting.start, cells.groups[lone]))
    return sets
