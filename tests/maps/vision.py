"""Colours as eyes see them: colour blindness, difference and contrast."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

# Machado, Oliveira & Fernandes (2009), severity 1.0; doi:10.1109/TVCG.2009.113.
MACHADO = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip


def rgb(color: str) -> np.ndarray:
    """sRGB of ``#rgb`` or ``#rrggbb``, from 0 to 1."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    return np.array([int(digits[k : k + 2], 16) for k in (0, 2, 4)]) / 255


def over(color: str, ground: str, opacity: float) -> str:
    """What a half-transparent colour looks like on its ground."""
    mixed = opacity * rgb(color) + (1 - opacity) * rgb(ground)
    return "#" + "".join(f"{round(255 * value):02x}" for value in mixed)


def linear(color: str) -> np.ndarray:
    """Linear RGB of a colour (IEC 61966-2-1)."""
    values = rgb(color)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(color: str, matrix: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of a colour as someone with that vision sees it."""
    seen = np.clip(matrix @ linear(color), 0, 1)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
         [0.0193339, 0.1191920, 0.9503041]]
    )  # fmt: skip
    xyz = to_xyz @ seen / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: str, other: str, vision: str) -> float:
    """Difference of two colours in that vision, CIE76 (2.3 is what an eye can just see)."""
    matrix = MACHADO[vision]
    return float(np.linalg.norm(lab(one, matrix) - lab(other, matrix)))


def closest(colors: Iterable[str], vision: str) -> tuple[float, str, str]:
    """Return the least difference among the colours, and between which two."""
    return min((difference(a, b, vision), a, b) for a, b in itertools.combinations(colors, 2))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2, from 1 to 21."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    light, dark = sorted((float(weights @ linear(c)) for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
