"""The packed blocks of a map file; the coding itself is :mod:`geocn.io.packed`."""

from geocn.io.packed import Pack, Ref

__all__ = ["Pack", "Ref"]
