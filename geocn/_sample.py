"""Where the sample data lies: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from geocn.errors import ReadError

_PACKAGE = Path(__file__).resolve().parent


def sample_folder() -> Path:
    """Return the folder that holds ``andes/project.toml`` and its files.

    Raises
    ------
    ReadError
        Where the package was installed without its sample data.

    Examples
    --------
    >>> (sample_folder() / "andes" / "project.toml").is_file()
    True
    """
    for folder in (_PACKAGE / "_sample_data", _PACKAGE.parent / "sample_data"):
        if (folder / "andes" / "project.toml").is_file():
            return folder
    raise ReadError(
        f"the sample data is missing: neither {_PACKAGE / '_sample_data'} nor "
        f"{_PACKAGE.parent / 'sample_data'} holds andes/project.toml. Install geocn again."
    )
