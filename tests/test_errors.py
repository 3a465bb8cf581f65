"""Messages that say what to do next."""

from __future__ import annotations

import pytest

from geocn import errors
from geocn._optional import require


def test_message_names_layer_rows_found_expected_and_repair() -> None:
    error = errors.CoordinateError(
        "seizures",
        rows=[4, 9, 12, 40],
        found="latitude 95",
        expected="−90 to 90",
        repair="Swap x and y.",
    )
    assert str(error) == (
        "seizures (4 rows: 4, 9, 12, …): found latitude 95; expected −90 to 90. Swap x and y."
    )
    assert error.rows == [4, 9, 12, 40]


@pytest.mark.parametrize(
    ("child", "stdlib"),
    [
        (errors.CRSError, ValueError),
        (errors.ReadError, OSError),
        (errors.UnsafeFileError, OSError),
        (errors.MissingDependencyError, ImportError),
        (errors.ParameterError, ValueError),
        (errors.LockedError, OSError),
    ],
)
def test_each_error_is_also_what_a_caller_expects(child: type, stdlib: type) -> None:
    assert issubclass(child, errors.GeocnError)
    assert issubclass(child, stdlib)


def test_missing_extra_names_the_pip_line() -> None:
    with pytest.raises(errors.MissingDependencyError, match=r"pip install 'geocn\[scale\]'"):
        require("no_such_library", extra="scale")
