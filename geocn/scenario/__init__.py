"""Simulated worlds on real geography, with their truth: for samples, exercises and tests."""

from __future__ import annotations

from geocn.scenario.geography import load_admin, load_coca, load_towns
from geocn.scenario.simulate import Scenario, Truth, simulate

__all__ = ["Scenario", "Truth", "load_admin", "load_coca", "load_towns", "simulate"]
