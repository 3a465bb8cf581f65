"""Markings and release profiles: what may leave, and to whom."""

from geocn.sharing.canaries import plant_canaries
from geocn.sharing.clear import Cleared, Contribution, clear
from geocn.sharing.donut import donut, read_secret
from geocn.sharing.generalise import simplify, to_admin, to_grid
from geocn.sharing.label import Label, label_of, lower_marking
from geocn.sharing.marking import Marking, marking_of
from geocn.sharing.profile import LayerRule, ReleaseProfile
from geocn.sharing.release import Released, release
from geocn.sharing.rules import Derived, Dominance, Protected
from geocn.sharing.scan import Hit, ScanLimits, ScanReport, scan
from geocn.sharing.scan_release import scan_release
from geocn.sharing.scan_watch import WatchList, watch_list
from geocn.sharing.suppression import Suppressed, suppress

__all__ = [
    "Cleared",
    "Contribution",
    "Derived",
    "Dominance",
    "Hit",
    "Label",
    "LayerRule",
    "Marking",
    "Protected",
    "ReleaseProfile",
    "Released",
    "ScanLimits",
    "ScanReport",
    "Suppressed",
    "WatchList",
    "clear",
    "donut",
    "label_of",
    "lower_marking",
    "marking_of",
    "plant_canaries",
    "read_secret",
    "release",
    "scan",
    "scan_release",
    "simplify",
    "suppress",
    "to_admin",
    "to_grid",
    "watch_list",
]
