"""Markings and release profiles: what may leave, and to whom."""

from geocn.sharing.clear import Cleared, Contribution, clear
from geocn.sharing.donut import donut, read_secret
from geocn.sharing.generalise import simplify, to_admin, to_grid
from geocn.sharing.label import Label, label_of, lower_marking
from geocn.sharing.marking import Marking, marking_of
from geocn.sharing.profile import LayerRule, ReleaseProfile
from geocn.sharing.release import Released, release
from geocn.sharing.rules import Derived, Dominance, Protected
from geocn.sharing.suppression import Suppressed, suppress

__all__ = [
    "Cleared",
    "Contribution",
    "Derived",
    "Dominance",
    "Label",
    "LayerRule",
    "Marking",
    "Protected",
    "ReleaseProfile",
    "Released",
    "Suppressed",
    "clear",
    "donut",
    "label_of",
    "lower_marking",
    "marking_of",
    "read_secret",
    "release",
    "simplify",
    "suppress",
    "to_admin",
    "to_grid",
]
