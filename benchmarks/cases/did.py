"""Difference-in-differences of a size that a country has."""

from __future__ import annotations

from benchmarks.case import Case

_PANEL = """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
n, years = 1000, np.arange(2004, 2024)
start = rng.choice([2010.0, 2012.0, 2014.0, 2015.0, 2017.0, 2019.0, np.nan], n)
value = rng.normal(100, 20, (n, 1)) + rng.normal(0, 5, (n, 20)).cumsum(axis=1)
value -= 10 * (years >= np.nan_to_num(start, nan=9999)[:, None])
panel = pd.DataFrame({{
    "admin_code": np.repeat([f"{{i:05d}}" for i in range(n)], 20), "year": np.tile(years, n),
    "coca_ha": value.ravel(), "begun": np.repeat(start, 20),
}})
"""

_STAGGERED = Case(
    "difference_in_differences, 1,000 areas, 20 years, 6 groups, 999 bootstrap draws",
    _PANEL
    + """
from geocn.evaluation import difference_in_differences
#--
found = difference_in_differences(panel, outcome="coca_ha", treated_from="begun")
print(len(found.group_time), round(float(found.att["estimate"][0]), 6))
""",
    limit_cpu_s=5.0,
)

_WILD = Case(
    "difference_in_differences, 1,000 areas, 20 years, one start, 999 wild bootstrap draws",
    _PANEL
    + """
from geocn.evaluation import DidOptions, difference_in_differences
panel = panel[panel["begun"].isna() | (panel["begun"] == 2012)]
wild = DidOptions(inference="wild")
#--
found = difference_in_differences(panel, outcome="coca_ha", treated_from="begun", options=wild)
print(round(float(found.att["estimate"][0]), 6), found.att["inference"][0])
""",
    limit_cpu_s=5.0,
)

_PERMUTED = Case(
    "difference_in_differences, 1,000 areas, 20 years, 6 groups, 999 permutations",
    _PANEL
    + """
from geocn.evaluation import DidOptions, difference_in_differences
dealt = DidOptions(inference="permutation")
#--
found = difference_in_differences(panel, outcome="coca_ha", treated_from="begun", options=dealt)
print(float(found.att["p_permutation"][0]))
""",
    limit_cpu_s=5.0,
)

CASES = (_STAGGERED, _WILD, _PERMUTED)
