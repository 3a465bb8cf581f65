"""A small project in which one place rises and one falls from February to March 2025."""

from pathlib import Path

import numpy as np

PROJECT = """\
title = "Moving | [x](http://e.example) <b>"
as_of = 2025-04-15
marking = "TLP:GREEN"
limits = ["Invented."]

[[layers.seizures]]
path = "police.csv"
source = "Police"
marking = "TLP:GREEN"
{gap}
[[layers.seizures]]
path = "navy.csv"
source = "Navy *x*"
marking = "{navy}"

[[analyses]]
kind = "hotspots"
name = "cells"
grid = {{ kind = "square", cell_km = 55 }}

[[releases]]
name = "ngo"
profile = "ngo.toml"

[outputs]
formats = ["parquet"]
language = "{language}"
"""
PROFILE = """\
partner = "ngo"
max_marking = "TLP:GREEN"
min_count = 4
[layers]
seizures = ["seizure_id", "seized_at", "drug", "source", "geometry"]
"""
HEAD = "id,date,longitude,latitude,drug,amount,unit"


def write_moving(
    folder: Path, *, navy: str = "TLP:GREEN", gap: str = "", language: str = "en"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    police, others = [HEAD], [HEAD]

    def add(rows: list[str], n: int, month: int, x: float, y: float) -> None:
        for _ in range(n):
            day = 1 + int(rng.integers(28))
            where = f"{x + rng.uniform(-0.1, 0.1):.4f},{y + rng.uniform(-0.1, 0.1):.4f}"
            drug = rng.choice(["Cocaine", "Heroin"])
            rows.append(
                f"S{len(rows)},2025-{month:02d}-{day:02d},{where},{drug},{rng.gamma(1, 20):.1f},kg"
            )

    for month in (2, 3):
        for i in range(4):
            for j in range(4):
                add(police, int(rng.poisson(1.2)), month, -78 + i * 0.5, j * 0.5)
        add(others, 6, month, -75.2, 1.5)
    add(police, 25, 2, -77, 1)
    add(police, 26, 3, -78, 0)
    (folder / "police.csv").write_text("\n".join(police), "utf-8")
    (folder / "navy.csv").write_text("\n".join(others), "utf-8")
    (folder / "ngo.toml").write_text(PROFILE, "utf-8")
    text = PROJECT.format(navy=navy, gap=gap, language=language)
    (folder / "project.toml").write_text(text, "utf-8")
    return folder / "project.toml"
