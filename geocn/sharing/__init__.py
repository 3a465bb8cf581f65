"""Markings and release profiles: what may leave, and to whom."""

from geocn.sharing.marking import Marking, marking_of
from geocn.sharing.profile import LayerRule, ReleaseProfile
from geocn.sharing.release import Released, release

__all__ = ["LayerRule", "Marking", "ReleaseProfile", "Released", "marking_of", "release"]
