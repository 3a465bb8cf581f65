"""Ranges against an oracle that lists byte positions, on headers and through the door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.serve.ranges import UnsatisfiableError, applies, matches, single, span_of
from tests.serve.conftest import FILES

NAME = "layers/seizures.parquet"
BODY = FILES[NAME]
numbers = st.one_of(
    st.just(""), st.integers(0, 40).map(str), st.sampled_from(["007", "9" * 18, "9" * 5000])
)
headers = st.one_of(
    st.builds("bytes={}-{}".format, numbers, numbers),
    st.builds("bytes={}-{},{}-{}".format, numbers, numbers, numbers, numbers),
    st.builds("{}={}-{}".format, st.sampled_from(["BYTES", "items", ""]), numbers, numbers),
    st.text(max_size=20),
)


def oracle(header: str, size: int) -> list[int] | str | None:
    """Positions one by one; None for the whole file; "416" where there is none of them."""
    unit, equals, rest = header.strip().partition("=")
    first, dash, last = rest.partition("-")
    digits = [one for one in (first, last) if one]
    wrong = any(set(one) - set("0123456789") or len(one) > 18 for one in digits)
    if unit.casefold() != "bytes" or not equals or not dash or wrong or not digits:
        return None
    if not first:
        wanted = [at for at in range(size) if size - at <= int(last)]
    else:
        if last and int(last) < int(first):
            return None
        wanted = [at for at in range(size) if at >= int(first) and (not last or at <= int(last))]
    return wanted or "416"


@given(header=headers, size=st.integers(0, 30))
def test_a_range_is_what_the_oracle_lists(header: str, size: int) -> None:
    try:
        found = span_of(header, size)
    except UnsatisfiableError:
        assert oracle(header, size) == "416"
        return
    expected = oracle(header, size)
    assert (found and list(range(found[0], sum(found)))) == expected


@pytest.mark.parametrize(
    ("header", "status", "start", "stop"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=10000-", 206, 10000, 10240),
        ("bytes=-5", 206, 10235, 10240),
        ("bytes=-99999", 206, 0, 10240),
        ("bytes=0-999999", 206, 0, 10240),
        ("bytes=0-1,5-6", 200, 0, 10240),
        ("bytes=5-4", 200, 0, 10240),
        ("lines=1-2", 200, 0, 10240),
    ],
)
def test_parts_of_a_file(client, header: str, status: int, start: int, stop: int) -> None:
    got = client.get(f"/{NAME}", headers={"range": header})
    assert (got.status_code, got.content) == (status, BODY[start:stop])
    assert int(got.headers["content-length"]) == stop - start
    told = f"bytes {start}-{stop - 1}/{len(BODY)}" if status == 206 else None
    assert got.headers.get("content-range") == told


@pytest.mark.parametrize("header", ["bytes=10240-", "bytes=-0", "bytes=99999-999999"])
def test_a_part_outside_the_file(client, header: str) -> None:
    got = client.get(f"/{NAME}", headers={"range": header})
    assert (got.status_code, got.headers["content-range"]) == (416, "bytes */10240")
    assert client.get("/empty.csv", headers={"range": "bytes=0-"}).status_code == 416


def test_ranges_are_for_get_alone_and_for_one_header(client) -> None:
    head = client.head(f"/{NAME}", headers={"range": "bytes=0-9"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == "10240"
    twice = [("range", "bytes=0-1"), ("range", "bytes=5-6")]
    assert client.get(f"/{NAME}", headers=twice).status_code == 200
    assert single([]) is None


def test_conditions(client) -> None:
    tag = client.head(f"/{NAME}").headers["etag"]

    def status(**conditions: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in conditions.items()}
        return client.get(f"/{NAME}", headers=sent).status_code

    part = "bytes=0-9"
    assert status(range=part, if_range=tag) == 206
    assert status(range=part, if_range='"another"') == 200
    assert status(range=part, if_range="Wed, 21 Oct 2026 07:28:00 GMT") == 200
    assert status(if_none_match=tag) == 304
    assert status(if_none_match=f'"x", W/{tag}') == 304
    assert status(if_none_match="*") == 304
    assert status(if_none_match='"x"') == 200
    assert status(if_match=tag) == 200
    assert status(if_match='"x"') == 412
    assert status(if_match=f"W/{tag}") == 412
    assert not applies("W/" + tag, tag)
    assert not matches("", tag, weak=True)
    unchanged = client.get(f"/{NAME}", headers={"if-none-match": tag})
    assert (unchanged.content, unchanged.headers["etag"]) == (b"", tag)
