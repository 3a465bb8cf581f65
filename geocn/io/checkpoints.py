"""What was computed of each part of a large input, kept so that a run that was killed goes on.

A checkpoint is found by the hash of all that shaped it: the content of the part, the
parameters, the versions. It is written aside, flushed and renamed, and carries its checksum:
one that is damaged, or of anything else, is as good as none.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from geocn._typing import AnyArray, StrPath
from geocn.errors import ReadError, WriteError
from geocn.io.atomic import atomic_file, sweep_stale
from geocn.provenance import plain, versions

#: Arrays by name: what work on a part gives.
State: TypeAlias = dict[str, AnyArray]
_MAGIC = b"geocn checkpoint 1\n"
_CODEC = "zstd"


def digest(*told: Any) -> str:
    """Return the SHA-256 of values, arrays and bytes, each told apart from the next.

    Examples
    --------
    >>> digest("a", "b") == digest("ab")
    False
    """
    hashed = hashlib.sha256()
    for one in told:
        if isinstance(one, bytes):
            data = one
        elif isinstance(one, np.ndarray):
            data = f"{one.dtype} {one.shape}".encode() + np.ascontiguousarray(one).tobytes()
        else:
            data = json.dumps(plain(one), sort_keys=True).encode()
        hashed.update(struct.pack("<Q", len(data)) + data)
    return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """A folder of checkpoints of one piece of work.

    Attributes
    ----------
    folder : str
        An absolute path that all workers see.
    key : str
        What shapes a result beside the part and the versions.
    """

    folder: str
    key: str

    @classmethod
    def open(cls, folder: StrPath, key: str) -> Checkpoints:
        """Make the folder where it is missing, and sweep what killed runs left in it.

        Raises
        ------
        WriteError
            Where it cannot be made.
        """
        path = Path(folder).absolute()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"{path}: cannot be made a folder ({error.strerror})") from error
        sweep_stale(path)
        return cls(str(path), key)

    def file(self, identity: str) -> Path:
        """Where the checkpoint of a part lies."""
        name = digest(self.key, identity, versions())
        return Path(self.folder) / f"{name[:40]}.ckpt"

    def load(self, identity: str) -> State | None:
        """Return what was computed of a part, or None where that is missing or damaged."""
        try:
            data = self.file(identity).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ReadError(f"{self.file(identity)}: cannot be read ({error.strerror})") from error
        return unpack(data)

    def save(self, identity: str, state: State) -> None:
        """Keep what was computed of a part.

        Raises
        ------
        WriteError
            Where it cannot be written.
        """
        with atomic_file(self.file(identity)) as path:
            path.write_bytes(pack(state))


def pack(state: Mapping[str, AnyArray]) -> bytes:
    """Turn a state into bytes with their checksum."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **state)
    raw = stream.getvalue()
    body = struct.pack("<Q", len(raw)) + pa.compress(raw, codec=_CODEC, asbytes=True)
    data: bytes = _MAGIC + hashlib.sha256(body).digest() + body
    return data


def unpack(data: bytes) -> State | None:
    """Turn bytes back into a state; None where they are damaged."""
    start = len(_MAGIC) + 32
    body = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != data[start - 32 : start]:
        return None
    (size,) = struct.unpack_from("<Q", body)
    try:
        raw = pa.decompress(body[8:], decompressed_size=size, codec=_CODEC, asbytes=True)
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (pa.ArrowException, OSError, ValueError, zipfile.BadZipFile):
        return None
