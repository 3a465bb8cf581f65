"""Arithmetic on plain arrays: no frames, no geometries, no text."""
