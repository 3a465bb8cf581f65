"""Names of partners, resolved."""

from __future__ import annotations

from benchmarks.case import Case

_NAMES = """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
parts = ["ma", "ri", "so", "la", "pe", "tu", "ca", "no", "vi", "del", "bran", "quin", "sal", "ter",
         "mon", "fer", "gal", "os", "an", "el"]
words = sorted(set("".join(rng.choice(parts, rng.integers(2, 5))) for _ in range(3000)))
names = (" ".join(rng.choice(words, rng.integers(2, 6))).title() for _ in range(26000))
names = pd.Series(sorted(set(names))[:20000])
"""

_OURS = f"""
from geocn.harmonise.organisations import resolve_organisations
{_NAMES}
resolve_organisations(names[:10])
#--
match = resolve_organisations(names)
print(len(match.suggestions))
"""

# The peer only scores: it resolves no acronym, section or translation.
_PEER = f"""
from rapidfuzz import fuzz, process
{_NAMES}
folded = [name.lower().replace(" ", "") for name in names]
#--
n = 0
for start in range(0, len(folded), 500):
    block = folded[start : start + 500]
    scores = process.cdist(block, folded, scorer=fuzz.ratio, score_cutoff=90, dtype=np.uint8)
    n += int(np.count_nonzero(scores))
print(n)
"""

CASES = (
    Case(
        "20,000 distinct names of organisations resolved, near ones suggested",
        _OURS,
        _PEER,
        "rapidfuzz.process.cdist of all pairs",
        limit_cpu_s=5,
    ),
)
