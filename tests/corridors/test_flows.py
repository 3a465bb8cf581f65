from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geocn
from geocn.corridors import flow_lines, flow_matrix, route_network
from geocn.errors import GeometryError, ParameterError, SchemaError


def seizures(*rows, **columns):
    names = ["origin", "departure", "country", "destination"]
    return pd.DataFrame(rows, columns=names).assign(**columns)


def legs(frame, **options):
    found = flow_matrix(frame, **{"by": (), "weight": None} | options)
    return found[["from", "to", "leg", "how"]].to_numpy().tolist(), found


def notes(found):
    record = found.attrs["geocn"]
    names = ("n_moving", "n_domestic", "n_one_stop", "n_nowhere")
    return tuple(record[name] for name in names)


def test_a_chain_of_stops_is_cut_into_legs():
    told, found = legs(seizures(("Peru", "Colombia", "España", "France")))
    assert told == [
        ["COL", "ESP", "departure-seizure", "stated"],
        ["ESP", "FRA", "seizure-destination", "intended"],
        ["PER", "COL", "origin-departure", "stated"],
    ]
    assert found["share_guessed"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # What is not stated is passed over, and the leg over it is a guess.
        (("Peru", None, "Spain", None), [["PER", "ESP", "origin-seizure", "inferred"]]),
        (("Peru", "unknown", "Spain", ""), [["PER", "ESP", "origin-seizure", "inferred"]]),
        (("Peru", "Chile", None, None), [["PER", "CHL", "origin-departure", "stated"]]),
        ((None, "Chile", None, "Peru"), [["CHL", "PER", "departure-destination", "inferred"]]),
        # Stops in one node are one stop: the leg leaves from the last of them.
        (("Peru", "Peru", "Spain", "Spain"), [["PER", "ESP", "departure-seizure", "stated"]]),
        (("Peru", "Peru", "Peru", "Spain"), [["PER", "ESP", "seizure-destination", "intended"]]),
        (("Peru", "Peru", "Peru", "Peru"), []),
        (("Peru", None, None, None), []),
        ((None, None, None, None), []),
    ],
)
def test_what_is_not_stated(row, expected):
    assert legs(seizures(row))[0] == expected


def test_an_origin_that_is_the_destination_goes_out_and_back():
    told, _ = legs(seizures(("Peru", "Peru", "Chile", "Peru")))
    assert [leg[:2] for leg in told] == [["CHL", "PER"], ["PER", "CHL"]]
    assert legs(seizures(("Peru", "Peru", "Chile", "Peru")), legs="ends")[0] == []


def test_every_row_is_accounted_for():
    rows = [
        ("Peru", None, "Spain", None),
        ("Peru", None, "Peru", None),
        (None, None, "Peru", None),
        (None,) * 4,
    ]
    assert notes(legs(seizures(*rows))[1]) == (1, 1, 1, 1)


def test_names_in_no_table_are_kept_and_counted_as_guesses():
    _, found = legs(seizures(*[(None, "Narnia", "Spain", None)] * 2))
    assert found[["from", "to", "n", "n_guessed"]].to_numpy().tolist() == [["Narnia", "ESP", 2, 2]]
    assert found.attrs["geocn"]["unknown_names"] == {"Narnia": 2}
    assert found.attrs["geocn"]["n_departed_abroad"] == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ecuador; Mexico", ["COL-ECU", "ECU-MEX", "MEX-USA"]),
        ("Ecuador > Guinea-Bissau", ["COL-ECU", "ECU-GNB", "GNB-USA"]),
        ("Korea, Republic of", ["COL-KOR", "KOR-USA"]),
        ("Ecuador, Korea, Republic of, Mexico", ["COL-ECU", "ECU-KOR", "KOR-MEX", "MEX-USA"]),
        ("Mexico - Narnia", ["COL-MEX", "MEX-Narnia", "Narnia-USA"]),
        ("National territory/domestic seizure", ["COL-USA"]),
        (None, ["COL-USA"]),
        # The whole way, with the place of the seizure in it.
        ("Colombia via Ecuador | USA | Canada", ["COL-ECU", "ECU-USA", "USA-CAN"]),
    ],
)
def test_transit_is_split_into_ordered_stops(text, expected):
    frame = seizures((None, "Colombia", "USA", None), routing=[text])
    told, found = legs(frame, transit="routing")
    assert sorted(f"{a}-{b}" for a, b, *_ in told) == sorted(expected)
    unread = text is not None and text.startswith("National")
    assert found.attrs["geocn"]["n_transit_unread"] == unread


def test_weights_counts_and_shares():
    frame = seizures(
        *[("Peru", "Peru", "Spain", None)] * 2,
        *[("Peru", None, "Spain", None)] * 2,
        drug="cocaine",
        mode=["sea", None, "sea", "sea"],
        seized_at=["2015-01-02", "2015-05-01", "2016-01-01", None],
        weight_kg=[5.0, 7.0, np.nan, 2.0],
    )
    found = flow_matrix(frame, by=("drug",))
    assert found["n"].tolist() == [2, 2]
    assert found["weight_kg"].tolist() == [12, 2]
    assert found["n_weighed"].tolist() == [2, 1]
    assert found["share_weight_guessed"].tolist() == [0, 1]
    assert found["last_seen"].iloc[0] == pd.Timestamp("2015-05-01", tz="UTC")
    every = flow_matrix(frame)
    assert every["n"].sum() == 4
    assert every["weight_kg"].sum() == 14
    assert every["mode"].isna().sum() == 1
    assert every["period"].isna().sum() == 1
    assert every.attrs["geocn"]["n_without_period"] == 1


def test_a_date_known_less_finely_has_no_period():
    frame = seizures(
        *[(None, "Peru", "Spain", None)] * 3,
        seized_at=["2015-01-01", "2015-08-01", "2015-08-09"],
        date_precision=["year", "month", "day"],
    )
    asked = {"by": ("period",), "weight": None}
    assert flow_matrix(frame, period="month", **asked)["period"].fillna("").tolist() == [
        "2015-08",
        "",
    ]
    assert flow_matrix(frame, period="quarter", **asked)["period"].tolist()[0] == "2015Q3"
    assert flow_matrix(frame, period="year", **asked)["n"].tolist() == [3]


def test_divisions_and_places():
    towns = gpd.GeoDataFrame(
        {"name": ["Tumaco"], "parent": ["Nariño"], "country": ["COL"], "code": ["52835"]},
        geometry=[shapely.Point(-78.8, 1.8)],
        crs=4326,
    )
    frame = seizures(
        ("Colombia", "Tumaco", "Ecuador", None),
        (None, "TUMACO", "Ecuador", None),
        admin=["Guayas", "GUAYAS"],
        place=["Guayaquil", None],
    )
    assert [leg[:2] for leg in legs(frame, places=towns)[0]] == [["COL", "ECU"]]
    told, found = legs(frame, level="admin", places=towns)
    # The finer stop in Colombia stands for both, and one spelling for two.
    assert [leg[:2] for leg in told] == [["COL/Nariño", "ECU/GUAYAS"]]
    assert found["n"].tolist() == [2]
    told, found = legs(frame, level="place", places=towns)
    assert [leg[:2] for leg in told] == [["52835", "ECU/GUAYAS"], ["52835", "ECU/GUAYAS/Guayaquil"]]
    assert found["share_guessed"].tolist() == [1, 0]


def test_a_country_not_stated_is_read_off_coordinates():
    frame = gpd.GeoDataFrame(
        {"departure": ["Peru", "Peru"], "country": [None, None]},
        geometry=[shapely.Point(-74, 4.6), None],
        crs=4326,
    )
    _, found = legs(frame)
    assert found[["from", "to", "share_guessed"]].to_numpy().tolist() == [["PER", "COL", 1.0]]
    assert found.attrs["geocn"]["n_located"] == 1


ROW = seizures(("Peru", "Peru", "Spain", None), weight_kg=1.0)


@pytest.mark.parametrize(
    ("frame", "options", "error", "word"),
    [
        (ROW, {"level": "village"}, ParameterError, "village"),
        (ROW, {"period": "week", "legs": "some"}, ParameterError, "week.*some"),
        (ROW, {"by": "drug"}, ParameterError, "tuple"),
        (ROW, {"by": ("drug", "mode")}, SchemaError, "drug.*mode"),
        (ROW, {"by": ("period",)}, SchemaError, "seized_at"),
        (ROW.drop(columns="weight_kg"), {"by": ()}, SchemaError, "weight_kg"),
        (ROW.assign(weight_kg=-1.0, seized_at="soon"), {"by": ()}, SchemaError, "soon.*negative"),
        (ROW[["country"]], {"by": (), "weight": None}, SchemaError, "origin"),
    ],
)
def test_refusals(frame, options, error, word):
    with pytest.raises(error, match=word):
        flow_matrix(frame, **options)


@pytest.mark.reference
def test_rows_of_the_real_file_that_cross_a_border(reference):
    """17,702 rows name a departure that is another country than that of the seizure.

    "Unknown" counts as not named, "Other" and other names in no table as a country.
    """
    frame = geocn.read_seizures(reference / "seizures_unodc_ids_2011_2016.zip")
    found = flow_matrix(frame)
    record = found.attrs["geocn"]
    assert record["n_departed_abroad"] == 17_702
    assert found.loc[found["leg"] == "departure-seizure", "n"].sum() == 17_702
    assert sum(notes(found)) == record["n_rows"] == 311_038
    reported = frame["departure"].where(frame["departure"] != "Unknown")
    assert (reported.notna() & (reported != frame["country"])).sum() == 17_702


# ---- lines -----------------------------------------------------------------------


def flows(*ends, **columns):
    data = {"from": [a for a, _ in ends], "to": [b for _, b in ends], "n": 1}
    return pd.DataFrame(data).assign(**columns)


def towns(**places):
    return gpd.GeoDataFrame(
        {"name": list(places)}, geometry=[shapely.Point(p) for p in places.values()], crs=4326
    )


def test_arcs_are_geodesics_and_cross_180_degrees_in_parts():
    places = towns(A=(170, 0), B=(-170, 0), C=(170, 60), D=(-170, 60))
    lines = flow_lines(flows(("A", "B"), ("C", "D"), ("A", "A")), places=places, node="name")
    assert lines["length_km"].iloc[0] == pytest.approx(20 * 111.319, rel=1e-4)
    assert lines.geometry.geom_type.tolist()[:2] == ["MultiLineString"] * 2
    # On the sphere the highest latitude of the arc is atan(tan 60 / cos 10).
    top = np.degrees(np.arctan(np.tan(np.radians(60)) / np.cos(np.radians(10))))
    assert lines.total_bounds[3] == pytest.approx(top, abs=0.1)
    assert lines.total_bounds[0] >= -180
    start = shapely.get_coordinates(lines.geometry.iloc[1])[0]
    assert start.tolist() == [170, 60]
    assert lines["length_km"].iloc[2] == 0


def test_width_follows_the_weight():
    frame = flows(*[("PER", "ESP")] * 3, weight_kg=[4.0, np.nan, 1.0])
    assert flow_lines(frame)["width"].fillna(-1).tolist() == [1, -1, 0.25]
    assert flow_lines(frame, width="n")["width"].tolist() == [1, 1, 1]


def test_bend_parts_a_flow_from_its_return():
    places = towns(A=(0, 0), B=(10, 0))
    frame = flows(("A", "B"), ("B", "A"))
    out, back = flow_lines(frame, places=places, node="name", bend=0.1).geometry
    assert out.bounds[3] == pytest.approx(1, rel=0.02)
    assert back.bounds[1] == pytest.approx(-1, rel=0.02)


def test_flows_without_a_place_keep_their_row():
    frame = flows(("PER", "Narnia"), ("PER", "COL"), (None, "COL"))
    frame.index = ["x", "y", "z"]
    lines = flow_lines(frame)
    assert lines.index.tolist() == ["x", "y", "z"]
    assert lines.geometry.isna().tolist() == [True, False, True]
    assert lines.attrs["geocn"]["without_place"] == ["Narnia"]
    assert lines.attrs["geocn"]["n_without_place"] == 2


def test_over_a_network():
    roads = gpd.GeoDataFrame(
        geometry=[
            shapely.LineString([(0, 0), (0, 1), (1, 1), (1, 0)]),
            shapely.LineString([(5, 0), (6, 0)]),
        ],
        crs=4326,
    )
    network = route_network({"road": roads}, speeds_kmh={"road": 60})
    places = towns(A=(0, 0), B=(1, 0), C=(5, 0), D=(40, 0))
    frame = flows(("A", "B"), ("B", "A"), ("A", "C"), ("A", "D"), ("A", "A"))
    options = {"places": places, "node": "name", "routing": "network"}
    lines = flow_lines(frame, network=network, reach_m=1000, **options)
    assert lines.geometry.isna().tolist() == [False, False, True, True, True]
    assert lines["length_km"].iloc[0] == pytest.approx(332.4, rel=1e-3)
    assert shapely.get_coordinates(lines.geometry.iloc[1])[0].tolist() == [1, 0]
    assert lines.attrs["geocn"]["n_without_way"] == 3
    # Any function from two points to a line will do.
    asked = []

    def straight(a, b):
        asked.append((a, b))
        return shapely.LineString([a, b])

    doubled = pd.concat([frame, frame])
    assert flow_lines(doubled, network=straight, **options).geometry.notna().all()
    assert len(asked) == 5
    with pytest.raises(GeometryError, match="lines"):
        flow_lines(frame, network=lambda a, b: a, **options)


@pytest.mark.parametrize(
    ("frame", "options", "error", "word"),
    [
        (flows(("PER", "COL")), {"routing": "boat"}, ParameterError, "boat"),
        (flows(("PER", "COL")), {"routing": "network"}, ParameterError, "network="),
        (flows(("PER", "COL")), {"bend": 3}, ParameterError, "bend"),
        (flows(("PER", "COL")), {"routing": "network", "network": 5}, ParameterError, "int"),
        (flows(("PER", "COL")).drop(columns="to"), {}, SchemaError, "column to"),
        (flows(("PER", "COL"), n=-1), {}, SchemaError, "negative"),
        (flows(("PER", "COL"), n="x"), {}, SchemaError, "number"),
        (
            flows(("A", "COL")),
            {"places": towns(A=(0, 0)).iloc[[0, 0]], "node": "name"},
            SchemaError,
            "several",
        ),
        (flows(("A", "COL")), {"places": towns(A=(0, 0)), "node": "x"}, SchemaError, "column x"),
    ],
)
def test_refusals_of_lines(frame, options, error, word):
    with pytest.raises(error, match=word):
        flow_lines(frame, **options)
