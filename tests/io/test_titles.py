"""Titles above the header, and tables whose first line is the header."""

from __future__ import annotations

import pytest

from geocn.io.titles import skip_titles


@pytest.mark.parametrize(
    "text",
    [
        "x\n1,5\n2,5\n",
        "a;b\n1;2\n",
        "a;b;c\n1;2;3\n",
        "a,b,c\n1,2,3,4\n1,2,3,4\n",
        "id,\n1,2\n3,4\n",
        "id;place;value;date\n0;A;0,5;2024-01-01\n1;B;1,5;2024-01-02\n2;C;2,5",
        "a\nb\nc\n",
        "",
        '"a\nb",c\n1,2\n',
        "DEPTO,2019,2020\nMeta,1,2\n",
    ],
)
def test_a_header_is_no_title(text: str) -> None:
    assert skip_titles(text.encode(), 0) == (0, 0, None)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("Report\nDate;Drug;kg\n1;2;3\n", "Date"),
        ("Report, of 2024\n\nDate;Drug;kg\n1;2;3\n2;3;4\n", "Date"),
        ("Report;;\nSource;;\nDate;Drug;kg\n1;2;3\n", "Date"),
        ("Coca\nDEPTO,2019,2020,2021,2022\nMeta,1,2,3,4\n", "DEPTO"),
    ],
)
def test_titles_are_stepped_over(text: str, header: str) -> None:
    start, n_titles, _ = skip_titles(text.encode(), 0)
    assert n_titles
    assert text.encode()[start:].startswith(header.encode())
