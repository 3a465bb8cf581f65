"""Effort and posts of a project file reach the analyses."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from geocn import project as projects
from geocn.errors import ParameterError
from geocn.project.analyses import Effort
from geocn.project.effort import with_effort

BORDER = """
[places.posts]
path = "posts.csv"
name = "name"

[[analyses]]
kind = "border_hotspots"
name = "borders"
countries = ["COL", "ECU"]
evidence = "crossings"
effort = { kinds = ["checkpoint"], since = 2024-01-01, until = 2024-12-31, background_share = 0.5 }
posts = "posts"
post_reach_km = 8
"""
SITES = """\
id,kind,partner,status,longitude,latitude,reach_km,starts,ends,personnel
S1,checkpoint,Army,active,-77.66,0.8,25,2024-01-01,2024-02-09,10
S2,treatment,Salud,active,-77.0,1.3,15,2024-01-01,2024-12-31,500
"""


@pytest.fixture
def watched(project: Path) -> Path:
    text = project.read_text("utf-8")
    head, _, rest = text.partition("[[analyses]]")
    first = rest.index("[[releases]]")
    fields = 'fields = { starts_on = "starts", ends_on = "ends", capacity = "personnel" }\n'
    head = head.replace('path = "sites.csv"\n', 'path = "sites.csv"\n' + fields)
    project.write_text(head + BORDER + rest[first:], "utf-8")
    (project.parent / "sites.csv").write_text(SITES, "utf-8")
    posts = "name,longitude,latitude\nRumichaca,-77.665,0.815\n"
    (project.parent / "posts.csv").write_text(posts, "utf-8")
    return project


def test_a_project_measures_effort_and_tells_crossings_between_posts(
    watched: Path, tmp_path: Path
) -> None:
    result = projects.run(watched, out=tmp_path / "out")
    frame = result.results["borders"]
    assert (frame["exposure"] > 0).all()
    seen = frame["n_sites"] > 0
    assert seen.any()
    assert frame.loc[seen, "exposure"].min() > frame.loc[~seen, "exposure"].max()
    assert frame["n_posts"].sum() >= 1
    assert frame["share_between_posts"].notna().any()


def test_a_release_without_the_sites_does_not_borrow_their_effort(watched: Path) -> None:
    found = projects.run(watched, out=watched.parent / "out")
    assert "borders" in found.manifest["releases"]["ngo"]["not_computed"]


def test_an_open_span_needs_evidence_with_times() -> None:
    times = [pd.Series([pd.NaT], dtype="datetime64[us, UTC]")]
    with pytest.raises(ParameterError, match="since"):
        with_effort(pd.DataFrame(), Effort(), pd.DataFrame(), times=times)
    assert with_effort("cells", None, None, times=times) == ("cells", None)
