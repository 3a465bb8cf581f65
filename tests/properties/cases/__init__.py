"""How to ask every public analysis; each module here lists the cases of one subject."""

from __future__ import annotations

import importlib
import pkgutil

from tests.properties.check import Case

_NAMES = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]
_MODULES = [importlib.import_module(name) for name in _NAMES]

CASES: tuple[Case, ...] = tuple(
    case for module in _MODULES for case in getattr(module, "CASES", ())
)

#: Public names that are no analyses: what they are instead.
NOT_ANALYSES: dict[str, str] = {
    name: why for module in _MODULES for name, why in getattr(module, "NOT_ANALYSES", {}).items()
}
