"""Evaluation: what interventions changed, where it went instead, and how sure that is."""

from __future__ import annotations

__all__: list[str] = []
