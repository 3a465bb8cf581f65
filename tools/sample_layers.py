"""The partners' files of routes, interventions and cultivation, as each partner writes them."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

import geopandas as gpd
import mgrs
import numpy as np
import pandas as pd
import shapely
from sample_seizures import comma

from geocn.scenario import Scenario, load_coca

DRUG_ES = {"cocaine": "Cocaína", "cannabis_herb": "Marihuana"}
DRUG_EN = {"cocaine": "Cocaine", "cannabis_herb": "Marijuana"}
MODE_ES = {"road": "Carretera", "sea": "Marítimo", "river": "Fluvial", "air": "Aéreo"}
KIND_ES = {
    "alternative_livelihood": "Desarrollo alternativo",
    "treatment": "Tratamiento",
    "harm_reduction": "Reducción de daños",
}
STATUS_ES = {"active": "En curso", "ended": "Terminado"}
OPERATIONS_HEAD = (
    "Operation ID,Type,Unit name,Organisation type,Status,MGRS,Start date,End date,"
    "Range (km),Personnel"
)
PROJECTS_HEAD = (
    "Código proyecto;Tipo de intervención;Organización;Tipo de organización;Estado;Latitud;"
    "Longitud;Municipio;Fecha de inicio;Fecha de fin;Alcance (km);Capacidad;Costo"
)
#: Share of the routes that the soldiers know; both partners know the last _BOTH of those.
SOLDIERS, BOTH = 0.62, 12


def feature_collection(rows: list[tuple[dict[str, object], object]]) -> bytes:
    """Write GeoJSON, one feature a line, coordinates as they are."""
    features = [
        json.dumps(
            {
                "type": "Feature",
                "properties": properties,
                "geometry": shapely.geometry.mapping(shape),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for properties, shape in rows
    ]
    body = ",\n".join(features)
    return f'{{"type":"FeatureCollection","features":[\n{body}\n]}}\n'.encode()


def split_routes(world: Scenario) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return what the soldiers and what the field network know of the routes."""
    cut = round(len(world.routes) * SOLDIERS)
    order = np.random.default_rng(17).permutation(len(world.routes))
    mine, theirs = np.sort(order[:cut]), np.sort(order[cut - BOTH :])
    return world.routes.iloc[mine], world.routes.iloc[theirs]


def military_routes(world: Scenario) -> bytes:
    """English GeoJSON; pounds for some."""
    rows = []
    for number, row in enumerate(split_routes(world)[0].itertuples(), start=1):
        rows.append(
            (
                {
                    "route_id": f"JTF-{number:03d}",
                    "mode": row.mode,
                    "drug": DRUG_EN[row.drug],
                    "weight_kg": row.weight_kg,
                    "origin": row.origin,
                    "destination": row.destination,
                    "first_seen": f"{row.first_seen:%Y-%m-%d}",
                    "last_seen": f"{row.last_seen:%Y-%m-%d}",
                    "n_sources": int(row.n_sources),
                },
                row.geometry,
            )
        )
    return feature_collection(rows)


def observed_routes(world: Scenario) -> bytes:
    """Spanish KML with extended data."""
    names = (
        "ruta",
        "modo",
        "droga",
        "peso_kg",
        "primer_reporte",
        "ultimo_reporte",
        "numero_de_fuentes",
    )
    head = "".join(f'<SimpleField type="string" name="{name}"/>' for name in names)
    marks = []
    for number, row in enumerate(split_routes(world)[1].itertuples(), start=1):
        values = (
            f"RO-{number:03d}",
            MODE_ES[row.mode],
            DRUG_ES[row.drug],
            f"{row.weight_kg:.0f}",
            f"{row.first_seen:%Y-%m-%d}",
            f"{row.last_seen:%Y-%m-%d}",
            str(row.n_sources),
        )
        data = "".join(
            f'<SimpleData name="{name}">{escape(value)}</SimpleData>'
            for name, value in zip(names, values, strict=True)
        )
        line = " ".join(f"{x:.4f},{y:.4f}" for x, y in shapely.get_coordinates(row.geometry))
        marks.append(
            f'<Placemark><name>{values[0]}</name><ExtendedData><SchemaData schemaUrl="#rutas">'
            f"{data}</SchemaData></ExtendedData><LineString><coordinates>{line}</coordinates>"
            "</LineString></Placemark>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document id="rutas_observadas">\n'
        f'<Schema name="rutas" id="rutas">{head}</Schema>\n'
        + "\n".join(marks)
        + "\n</Document></kml>\n"
    ).encode()


def _day(value: object, form: str) -> str:
    return "" if pd.isna(value) else value.strftime(form)


def _number(value: float, *, spanish: bool = False) -> str:
    if pd.isna(value):
        return ""
    return comma(value) if spanish else f"{value:.0f}"


def military_operations(world: Scenario) -> bytes:
    """English CSV with MGRS positions."""
    chosen = world.interventions["partner_type"].isin(["military", "law_enforcement"])
    converter = mgrs.MGRS()
    lines = [OPERATIONS_HEAD]
    for row in world.interventions[chosen].itertuples():
        grid = converter.toMGRS(row.geometry.y, row.geometry.x, MGRSPrecision=4)
        kind = row.kind.capitalize()
        cells = [
            row.intervention_id.replace("I", "OP"),
            kind,
            row.partner,
            row.partner_type.replace("_", " "),
        ]
        cells += [
            row.status.capitalize(),
            grid,
            _day(row.starts_on, "%d %b %Y"),
            _day(row.ends_on, "%d %b %Y"),
        ]
        cells += [_number(row.reach_km), _number(row.capacity)]
        lines.append(",".join(cells))
    return ("\n".join(lines) + "\n").encode()


def aid_projects(world: Scenario) -> bytes:
    """Spanish CSV, decimal commas; three projects by town only, some without a reach."""
    chosen = world.interventions["kind"].isin(list(KIND_ES))
    lines = [PROJECTS_HEAD]
    for number, row in enumerate(world.interventions[chosen].itertuples()):
        by_name = {3: "Tumaco", 9: "Cúcuta", 15: "Tapachula"}.get(number, "")
        lat = "" if by_name else f"{row.geometry.y:.4f}".replace(".", ",")
        lon = "" if by_name else f"{row.geometry.x:.4f}".replace(".", ",")
        cells = [row.intervention_id.replace("I", "PR-"), KIND_ES[row.kind], row.partner, "ONG"]
        cells += [STATUS_ES[row.status], lat, lon, by_name]
        cells += [_day(row.starts_on, "%d/%m/%Y"), _day(row.ends_on, "%d/%m/%Y")]
        cells += [_number(row.reach_km, spanish=True), _number(row.capacity), comma(row.cost)]
        lines.append(";".join(cells))
    return ("\r\n".join(lines) + "\r\n").encode()


def youth_network(world: Scenario) -> bytes:
    """English GeoJSON of prevention work."""
    chosen = world.interventions["kind"] == "prevention"
    rows = []
    for row in world.interventions[chosen].itertuples():
        properties: dict[str, object] = {
            "project_id": row.intervention_id.replace("I", "YB"),
            "kind": "Prevention",
            "partner": row.partner,
            "partner_type": "NGO",
            "status": row.status,
            "starts_on": _day(row.starts_on, "%Y-%m-%d"),
            "ends_on": _day(row.ends_on, "%Y-%m-%d") or None,
            "reach_km": None if pd.isna(row.reach_km) else row.reach_km,
            "capacity": int(row.capacity),
        }
        rows.append((properties, row.geometry))
    return feature_collection(rows)


def coca_survey() -> bytes:
    """The survey's figures as a Spanish wide table: one column a year, decimal commas."""
    wide = load_coca().pivot_table(index=["dane", "department"], columns="year", values="area_ha")
    lines = ["CODDEPTO;DEPARTAMENTO;CULTIVO;" + ";".join(str(year) for year in wide.columns)]
    for (dane, name), values in wide.iterrows():
        cells = ["- 0" if value == 0 else comma(value, 1) for value in values]
        lines.append(";".join([dane, name.upper(), "Coca", *cells]))
    return ("\r\n".join(lines) + "\r\n").encode("utf-8-sig")
