"""The one door to libraries that only an extra installs."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from geocn.errors import MissingDependencyError


def available(module: str) -> bool:
    """Say whether ``module`` could be imported, without importing it."""
    return find_spec(module.partition(".")[0]) is not None


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional library, or say which extra brings it.

    Raises
    ------
    MissingDependencyError
        Where the library is not installed.
    """
    if not available(module):
        message = f"{module} is not installed. Install it with: pip install 'geocn[{extra}]'"
        raise MissingDependencyError(message)
    return import_module(module)
