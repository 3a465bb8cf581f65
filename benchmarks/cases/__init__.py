"""The cases by subject; each module lists its own."""

from __future__ import annotations

import importlib
import pkgutil

from benchmarks.case import Case

CASES: tuple[Case, ...] = tuple(
    case
    for module in pkgutil.iter_modules(__path__)
    for case in importlib.import_module(f"{__name__}.{module.name}").CASES
)
