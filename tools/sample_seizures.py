"""The partners' seizure files, with the faults that such files have."""

from __future__ import annotations

import io
import os
import re
import zipfile

import numpy as np
import pandas as pd

from geocn.scenario import Scenario, load_towns
from geocn.scenario.geography import distance_km

LB = 0.45359237
DRUGS_ES = {
    "cocaine": ("Clorhidrato de cocaína", "Cocaína", "COCAINA", "Cocaína"),
    "coca_paste": ("Pasta básica de cocaína", "Base de coca"),
    "cannabis_herb": ("Marihuana", "Marihuana prensada", "Cannabis"),
}
DRUGS_EN = {
    "cocaine": ("Cocaine HCL", "Cocaine", "cocaine hydrochloride"),
    "coca_paste": ("Coca paste", "Cocaine base"),
    "cannabis_herb": ("Marijuana", "Cannabis herb"),
}
MODES_ES = {"road": "Terrestre", "sea": "Marítimo", "river": "Fluvial", "air": "Aéreo"}
MODES_EN = {"road": "Road", "sea": "Maritime", "river": "River", "air": "Air"}
POLICE_HEAD = (
    "N° caso;Fecha;País;Departamento;Municipio;Droga;Cantidad;Unidad;Medio de transporte;Destino"
)
CUSTOMS_HEAD = (
    "Case ID,Date seized,Country,Province,Latitude,Longitude,Drug,Amount,Unit,Transport,"
    "Bound for,Remarks"
)
CUSTOMS_FAULTS = [
    "CB90001,5/17/2024,Colombia,Arauca,123.4000,-72.5000,Cocaine,14,kg,Road,,as received",
    "CB90002,8/23/2024,Panama,Chiriquí,8.4300,-82.4300,Cocaine,0,kg,Road,,",
    "CB90003,1/30/2032,Ecuador,Carchi,0.8100,-77.7200,Cocaine,22,kg,Road,Guayaquil,",
    "CB90004,11/19/2024,Costa Rica,Limón,10.0000,-83.0400,Pink crystal 7,2,kg,Road,,lab pending",
    'CB90005,2/14/2025,Panama,Colón,9.3500,-79.9000,Cocaine,31,kg,Maritime,,"=HYPERLINK(""x"")"',
]
#: Cases of the police and of the navy that customs report too.
N_POLICE_TWICE, N_NAVY_TWICE = 25, 8
P_TYPO, P_NO_ADMIN, P_CAPITALS, P_MONTH_ONLY = 0.04, 0.03, 0.3, 0.04


def comma(value: float, digits: int = 2) -> str:
    """Write a number as Spanish offices do: 1.234,5."""
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if digits else text
    return text.translate(str.maketrans(",.", ".,"))


def choose(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def police(world: Scenario, rng: np.random.Generator) -> bytes:
    """Spanish, cp1252, semicolons, decimal commas, day first, place names only."""
    rows = world.seizures[world.seizures["agency"] == "police"]
    lines = [POLICE_HEAD]
    for number, row in enumerate(rows.itertuples(), start=1):
        at = row.seized_at.tz_convert("America/Bogota")
        when = at.strftime("%m/%Y") if rng.random() < P_MONTH_ONLY else at.strftime("%d/%m/%Y")
        amount, unit = police_amount(row.weight_kg, rng)
        cells = [f"PN-{number:04d}", when, row.country, admin_as_written(row.admin, rng)]
        cells += [nearest_town(row.geometry.x, row.geometry.y), choose(DRUGS_ES[row.drug], rng)]
        cells += [amount, unit, MODES_ES[row.mode], row.destination]
        lines.append(";".join(cells))
    lines += [
        "PN-9001;14/03/2024;Colombia;Nariño;Tumaco;Cocaína;-3,5;kg;Terrestre;",
        "PN-9002;02/07/2024;Colombia;Cauca;Popayán;Marihuana;0;kg;Terrestre;",
        "PN-9003;12/05/2031;Ecuador;Esmeraldas;San Lorenzo;Cocaína;48,2;kg;Terrestre;Guayaquil",
        "PN-9004;31/02/2025;Colombia;Putumayo;Mocoa;Base de coca;12;kg;Terrestre;",
        "PN-9005;21/09/2024;Colombia;Valle del Cauca;Cali;Polvo azul XR;1,25;kg;Terrestre;",
        "PN-9006;03/11/2024;Panamá;Darién;Yaviza;Polvo azul XR;0,8;kg;Terrestre;Colón",
        "PN-9007;17/01/2025;Colombia;Zona rural;;Cocaína;7,5;kg;Terrestre;",
        "PN-9008;25/05/2025;Colombia;Cauca;;Marihuana;3;libras;Terrestre;",
    ]
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def police_amount(weight_kg: float, rng: np.random.Generator) -> tuple[str, str]:
    draw = rng.random()
    if weight_kg > 900:
        return comma(weight_kg / 1000, 4), "toneladas"
    if weight_kg < 20 and draw < 0.5:
        return comma(weight_kg * 1000, 0), choose(("g", "gramos"), rng)
    return comma(weight_kg), choose(("kg", "kg", "Kilogramos"), rng)


def admin_as_written(name: object, rng: np.random.Generator) -> str:
    """Return a division's name as a tired officer writes it."""
    draw = rng.random(3)
    if not isinstance(name, str) or draw[0] < P_NO_ADMIN:
        return ""
    if draw[1] < P_TYPO and len(name) > 5:
        cut = int(rng.integers(2, len(name) - 1))
        name = name[:cut] + name[cut + 1 :]
    return name.upper() if draw[2] < P_CAPITALS else name


def nearest_town(lon: float, lat: float, *, within_km: float = 35.0) -> str:
    towns = load_towns()
    away = distance_km(towns["longitude"].to_numpy(), towns["latitude"].to_numpy(), lon, lat)
    return str(towns["town"][away.argmin()]) if away.min() < within_km else ""


def customs(world: Scenario, rng: np.random.Generator) -> bytes:
    """English, UTF-8 with mark, commas, month first; some of it the police reported too."""
    own = world.seizures[world.seizures["agency"] == "customs"]
    too = [
        known.iloc[rng.choice(len(known), n, replace=False)]
        for agency, n in (("police", N_POLICE_TWICE), ("navy", N_NAVY_TWICE))
        for known in (world.seizures[world.seizures["agency"] == agency],)
    ]
    frame = pd.concat([own, *too]).sort_values(["seized_at", "seizure_id"])
    lines = [CUSTOMS_HEAD]
    for number, row in enumerate(frame.itertuples(), start=1):
        # the two agencies' clocks, scales and maps differ a little
        at = row.seized_at.tz_convert("America/Bogota")
        at += pd.Timedelta(minutes=int(rng.integers(-20, 21)))
        weight = row.weight_kg * (1 + rng.normal(0, 0.01))
        lon, lat = np.array([row.geometry.x, row.geometry.y]) + rng.normal(0, 0.004, 2)
        amount, unit = customs_amount(weight, rng)
        cells = [
            f"CB{number:05d}",
            f"{at.month}/{at.day}/{at.year} {at:%H:%M}",
            row.country,
            row.admin,
        ]
        cells += [f"{lat:.4f}", f"{lon:.4f}", laboratory_name(row), amount, unit]
        cells += [MODES_EN[row.mode], row.destination, ""]
        lines.append(",".join("" if pd.isna(cell) else str(cell) for cell in cells))
    lines += CUSTOMS_FAULTS
    return ("\r\n".join(lines) + "\r\n").encode("utf-8-sig")


def laboratory_name(row: object) -> str:
    """Return the drug as the laboratory wrote it: the same for all who report the case."""
    names = DRUGS_EN[row.drug]
    return names[int(row.seizure_id[1:]) % len(names)]


def customs_amount(weight_kg: float, rng: np.random.Generator) -> tuple[str, str]:
    draw = rng.random()
    if draw < 0.25:
        return f"{weight_kg / LB:.1f}", choose(("lb", "lbs"), rng)
    if weight_kg < 15:
        return f"{weight_kg * 1000:.0f}", "g"
    return f"{weight_kg:.2f}", choose(("kg", "Kilogram"), rng)


def navy(world: Scenario, rng: np.random.Generator) -> bytes:
    """A workbook in English: degrees, minutes and seconds; times of day; metric tons."""
    rows = world.seizures[world.seizures["agency"] == "navy"]
    table: list[list[object]] = [
        [
            "Case",
            "Date and time (UTC)",
            "Position lat",
            "Position lon",
            "Drug",
            "Quantity",
            "Unit",
            "Mode",
            "Destination",
        ]
    ]
    for number, row in enumerate(rows.itertuples(), start=1):
        tons = row.weight_kg > 1000
        amount = round(row.weight_kg / 1000, 4) if tons else round(row.weight_kg, 1)
        table.append(
            [
                f"NV-{number:03d}",
                row.seized_at.strftime("%Y-%m-%d %H:%M"),
                dms(row.geometry.y, "NS"),
                dms(row.geometry.x, "EW"),
                laboratory_name(row),
                amount,
                "metric tons" if tons else "kg",
                MODES_EN[row.mode],
                row.destination,
            ]
        )
    table.append(
        [
            "NV-901",
            "2024-10-02 03:10",
            "08°12'30\"N",
            "079°40'00\"W",
            "Cocaine",
            -12,
            "kg",
            "Maritime",
            None,
        ]
    )
    table.append(
        ["NV-902", "2024-12-11 22:45", None, None, "Cocaine", 640, "kg", "Maritime", "Colón"]
    )
    return workbook(table, sheet="Interdictions")


def dms(value: float, letters: str) -> str:
    """Write degrees as 04°12'30"N."""
    seconds = round(abs(value) * 3600)
    degrees, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    width = 2 if "N" in letters else 3
    return f"{degrees:0{width}d}°{minutes:02d}'{seconds:02d}\"{letters[value < 0]}"


def workbook(table: list[list[object]], *, sheet: str) -> bytes:
    """Write a workbook whose bytes depend on its content only."""
    # Where lxml is installed openpyxl would write other bytes with it.
    os.environ["OPENPYXL_LXML"] = "False"
    from openpyxl import Workbook

    book = Workbook()
    page = book.active
    page.title = sheet
    for row in table:
        page.append(row)
    raw = io.BytesIO()
    book.save(raw)
    fixed = io.BytesIO()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(fixed, "w") as target:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2026-01-01T00:00:00Z", content)
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            # stored, since compressed bytes differ between versions of zlib
            target.writestr(member, content, zipfile.ZIP_STORED)
    return fixed.getvalue()
