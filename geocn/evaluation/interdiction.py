"""What share of the supply is seized, and how sure that is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy import special

from geocn._typing import FloatArray
from geocn.errors import AssumptionWarning, ParameterError
from geocn.evaluation.columns import check_level
from geocn.evaluation.seized import Mass, Seized, seized_weights
from geocn.evaluation.uncertain import Quantity, Uncertain, midpoints, read_quantity
from geocn.provenance import KEY, attach

#: Inputs whose uncertainty is shared out, in the order of the columns.
INPUTS = ("purity", "supply", "hectares", "leaf_kg_per_ha", "kg_per_kg_leaf", "harvests")
#: Probability of a rate above 1 that is warned of; a log-normal has some of it anywhere.
_WORTH_SAYING = 0.001
_NUMBERS = (
    "seized_kg", "supply_kg", "rate", "rate_low", "rate_high", "probability_above_1",
    *(f"share_of_uncertainty_{name}" for name in INPUTS),
)  # fmt: skip
_COLUMNS = (
    "drug", "period", "n_seizures", *_NUMBERS[:5], "interval", "is_purity_adjusted", "method",
    *_NUMBERS[5:], "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CropSupply:
    """Potential production of a crop: hectares × leaf a hectare × drug a leaf × harvests.

    Parameters
    ----------
    hectares : quantity
        Productive area in the period.
    leaf_kg_per_ha : quantity
        Leaf (or gum) of one harvest, kilograms a hectare.
    kg_per_kg_leaf : quantity
        Pure drug from a kilogram of leaf, laboratory losses included.
    harvests : quantity
        Harvests in the period; 1 where ``leaf_kg_per_ha`` is that of the whole period.

    Examples
    --------
    >>> CropSupply((140_000, 146_000), (5_000, 6_500), 0.0015).harvests
    1.0
    """

    hectares: Quantity
    leaf_kg_per_ha: Quantity
    kg_per_kg_leaf: Quantity
    harvests: Quantity = 1.0


Supply: TypeAlias = Quantity | CropSupply


def interdiction_rate(
    seizures: pd.DataFrame | float,
    *,
    supply: Supply | Mapping[Any, Supply],
    purity: str | Quantity | Mapping[Any, Quantity] | None = None,
    period: Literal["year", "quarter", "month"] | None = None,
    weight: str = "weight_kg",
    drug: str | None = "drug",
    time: str | None = None,
    once: str | None = "auto",
    confidence: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Estimate the share of the supply that was seized, from uncertain inputs.

    .. math:: R = \frac{S_{tested} + S_{bulk}\,P}{Q}, \qquad
        Q = \text{hectares} \times \text{leaf} \times \text{conversion} \times \text{harvests}
        \text{ or as given},

    with independent inputs. Where one input alone is uncertain, or all of them are
    log-normal, quantiles of R follow in closed form; otherwise they come from Latin
    hypercube draws. The logarithm of R is a sum of terms with one input each, so the share
    of its variance that an input has is at once its first-order and its total index.

    Parameters
    ----------
    seizures : DataFrame or float
        The seizures layer, or kilograms seized in all.
    supply : quantity, CropSupply or mapping
        Kilograms of *pure* drug that could be seized in the period: a number, (low, high),
        (low, most likely, high), :class:`LogNormal`, an array of draws, or a
        :class:`CropSupply`. A mapping from drug, from period or from (drug, period) gives
        each its own, from period only with ``drug=None``; periods read "2024", "2024Q1" or
        "2024-03".
    purity : str, quantity or mapping, optional
        Share of pure drug, above 0 and up to 1: a column of the seizures, where rows without
        one take any purity that the others of the drug have; one for all; or by drug.
        Without it bulk weight is held against pure supply, and ``is_purity_adjusted`` says so.
    period : {"year", "quarter", "month"}, optional
        Rate by period; the supply must be that of one period.
    weight, drug, time : str
        Columns; ``drug=None`` takes all rows as one.
    once : str, optional
        Column of groups that report one seizure; of each group the heaviest row counts.
        "auto" takes ``operation_id`` or else ``duplicate_group`` where the layer has one;
        None counts every row.
    confidence : float
        Probability within ``rate_low`` to ``rate_high``.
    draws : int
        Monte Carlo draws, 1,000 or more.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        A row for each drug and period with seizures or a supply of its own: ``drug``,
        ``period``, ``n_seizures``, ``seized_kg`` (pure where adjusted), ``supply_kg`` and
        ``rate`` (medians), ``rate_low``, ``rate_high``, ``interval`` (what they are),
        ``is_purity_adjusted``, ``method``, ``probability_above_1`` (of a rate that cannot
        be: a sign that an input is wrong), ``share_of_uncertainty_`` of each input, and
        ``note``. ``attrs["geocn"]`` states rows and kilograms left out or counted once.

    Raises
    ------
    SchemaError, LayerError, DateError
        Where a column is missing, or weights or purities are out of range.
    ParameterError
        Where a quantity is out of range, or one supply is given for several drugs.

    Warns
    -----
    AssumptionWarning
        Where a rate is above 1 with a probability of 0.001 or more.

    Notes
    -----
    A rate says nothing of effort: it rises with enforcement and falls with supply alike.
    Seizures outside the place and time that the supply is of belong in another rate.

    References
    ----------
    UNODC, World Drug Report, Methodology (potential manufacture; purity of seizures).
    Saltelli et al. 2008, doi:10.1002/9780470725184 (variance shares).

    Examples
    --------
    >>> found = interdiction_rate(694_000, supply=(788_000, 1_060_000), drug=None)
    >>> found[["rate", "rate_low", "rate_high"]].round(3).values.tolist()
    [[0.751, 0.659, 0.873]]
    >>> found["is_purity_adjusted"].item(), found["method"].item()
    (False, 'closed form')
    """
    check_level(confidence)
    if draws < 1000:
        raise ParameterError(f"draws is {draws}; give 1,000 or more")
    seized = seized_weights(
        seizures, weight=weight, drug=drug, time=time, period=period, once=once, purity=purity
    )
    supplies = _supplies(supply, seized, by_drug=drug is not None)
    keys = sorted(set(seized.groups) | set(supplies), key=str)
    engine = _Engine(confidence, draws, seed)
    rows = [
        {"drug": key[0], "period": key[1]} | engine.rate(seized, key, supplies.get(key))
        for key in keys
    ]
    result = _frame(rows)
    _say_impossible(result)
    return attach(
        result,
        "evaluation.interdiction_rate",
        supply={f"{k[0]} {k[1]}".strip(): [u.describe() for u in s] for k, s in supplies.items()},
        purity=purity if isinstance(purity, str) or purity is None else "given",
        period=period,
        weight=weight,
        drug=drug,
        time=seized.time,
        once=seized.once,
        confidence=confidence,
        draws=draws,
        seed=seed,
        crs=getattr(seizures, "crs", None),
        left_out=seized.left_out,
        counted_once=seized.counted_once,
        declared_gaps=getattr(seizures, "attrs", {}).get(KEY, {}).get("declared_gaps", []),
    )


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    kinds = dict.fromkeys(_COLUMNS, "str") | dict.fromkeys(_NUMBERS, "float64")
    return frame.astype(kinds | {"n_seizures": "int64", "is_purity_adjusted": "bool"})


def _say_impossible(result: pd.DataFrame) -> None:
    above = result["probability_above_1"] >= _WORTH_SAYING
    if above.any():
        worst = result.iloc[int(result["probability_above_1"].fillna(0).to_numpy().argmax())]
        warnings.warn(
            f"{int(above.sum())} of {len(result)} rates may be above 1, which cannot be (worst: "
            f"{worst['drug']} {worst['period']}, probability {worst['probability_above_1']:.3g}): "
            "look for double counts, impure weight, or a supply of another place or time.",
            AssumptionWarning,
            stacklevel=3,
        )


Key: TypeAlias = tuple[str, str]


def _supplies(
    supply: Supply | Mapping[Any, Supply], seized: Seized, *, by_drug: bool
) -> dict[Key, tuple[Uncertain, ...]]:
    if not isinstance(supply, Mapping):
        if len(seized.drugs) > 1:
            raise ParameterError(
                f"one supply is given for {', '.join(seized.drugs)}; name the drug of each: "
                "supply={'cocaine': …}, or pass the seizures of one drug"
            )
        one = _read_supply(supply)
        return dict.fromkeys(seized.groups, one)
    read = {name: _read_supply(value) for name, value in supply.items()}
    pairs = {(str(k[0]), str(k[1])): u for k, u in read.items() if isinstance(k, tuple)}
    single = {str(k): u for k, u in read.items() if not isinstance(k, tuple)}
    if not by_drug:
        return {("", label): u for label, u in single.items()} | pairs
    return {(name, label): u for name, u in single.items() for label in seized.periods} | pairs


def _read_supply(supply: Supply) -> tuple[Uncertain, ...]:
    if isinstance(supply, CropSupply):
        return tuple(read_quantity(getattr(supply, f.name), f.name) for f in fields(supply))
    return (read_quantity(supply, "supply"),)


class _Engine:
    """Distributions of a rate: closed form where there is one, else draws."""

    def __init__(self, confidence: float, draws: int, seed: int) -> None:
        tail = (1 - confidence) / 2
        self.levels = np.array([tail, 0.5, 1 - tail])
        self.interval = f"{100 * confidence:g} % of the inputs' distributions"
        self.draws, self.seed = draws, seed

    def rate(
        self, seized: Seized, key: Key, supply: tuple[Uncertain, ...] | None
    ) -> dict[str, Any]:
        mass = seized.of(key)
        base: dict[str, Any] = {
            "n_seizures": mass.n,
            "is_purity_adjusted": mass.is_adjusted,
            "interval": self.interval,
            "method": "",
        }
        half = np.array([0.5])
        base["seized_kg"] = float(mass.weight(half)[0])
        if supply is None:
            return base | {"note": "no supply given for it"}
        notes = [] if mass.is_adjusted else ["bulk weight against pure supply: too high"]
        inputs = [u for u in (mass.purity, *supply) if u is not None and not u.is_exact]
        q_rate, above, q_supply, base["method"] = self._law(mass, supply, inputs)
        if not mass.n:
            notes.append("no seizures reported")
        shares = _shares(mass, inputs)
        return base | shares | {
            "supply_kg": float(q_supply),
            "rate": float(q_rate[1]),
            "rate_low": float(q_rate[0]),
            "rate_high": float(q_rate[2]),
            "probability_above_1": float(above),
            "note": "; ".join(notes),
        }  # fmt: skip

    def _law(
        self, mass: Mass, supply: tuple[Uncertain, ...], inputs: list[Uncertain]
    ) -> tuple[FloatArray, float, float, str]:
        """Quantiles of the rate, probability that it is above 1, median supply, method."""

        def rate(at: Mapping[str, FloatArray], size: int) -> tuple[FloatArray, FloatArray]:
            total = np.ones(size)
            for part in supply:
                total = total * part.quantile(at.get(part.name, np.full(size, 0.5)))
            return mass.weight(at.get("purity", np.full(size, 0.5))) / total, total

        if not inputs:
            point, total = rate({}, 1)
            return np.repeat(point, 3), float(point[0] > 1), total[0], "exact"
        sums = mass.purity in inputs and mass.fixed_kg > 0
        if all(u.law == "lognormal" for u in inputs) and not sums:
            middle, total = rate({}, 1)
            sigma = float(np.sqrt(sum(u.values[1] ** 2 for u in inputs)))
            with np.errstate(divide="ignore"):
                above = float(special.ndtr(np.log(middle[0]) / sigma))
            quantiles = middle[0] * np.exp(sigma * special.ndtri(self.levels))
            return quantiles, above, total[0], "closed form"
        if len(inputs) == 1:
            # One input moves the rate one way only, so its quantiles are those of the rate.
            name = inputs[0].name
            ends = self.levels if name == "purity" else 1 - self.levels
            fine = rate({name: midpoints()}, len(midpoints()))[0]
            total = rate({}, 1)[1]
            return rate({name: ends}, 3)[0], float((fine > 1).mean()), total[0], "closed form"
        drawn, total = rate(self._hypercube(inputs), self.draws)
        quantiles = np.quantile(drawn, self.levels)
        return quantiles, float((drawn > 1).mean()), float(np.median(total)), "monte carlo"

    def _hypercube(self, inputs: list[Uncertain]) -> dict[str, FloatArray]:
        """One share in each of equally many strata of every input, in an order of its own."""
        at = {}
        for name in (u.name for u in inputs):
            rng = np.random.default_rng([self.seed, INPUTS.index(name)])
            at[name] = (rng.permutation(self.draws) + rng.random(self.draws)) / self.draws
        return at


def _shares(mass: Mass, inputs: list[Uncertain]) -> dict[str, float]:
    """Share of the variance of the log rate that each input has."""
    variance = {}
    for u in inputs:
        if u.law == "lognormal" and u.name != "purity":
            variance[u.name] = u.values[1] ** 2
            continue
        term = mass.weight(midpoints()) if u.name == "purity" else u.quantile(midpoints())
        variance[u.name] = float(np.log(term).var()) if term.min() > 0 else 0.0
    total = sum(variance.values())
    return {
        f"share_of_uncertainty_{name}": variance.get(name, 0.0) / total if total else 0.0
        for name in INPUTS
    }
