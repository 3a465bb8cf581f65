"""Random changes of bytes that tend to reach deep into a parser."""

from __future__ import annotations

import io
import zipfile

import numpy as np

#: What parsers stumble over: numbers at their edges, signs of structure, hostile text.
TOKENS = tuple(
    text.encode()
    for text in (
        "NaN", "Infinity", "-inf", "1e400", "-0", "9" * 40, "2147483648", "-9223372036854775809",
        "1.234,5", "0x1F", "\u0661\u0662", "\x00", "\ufeff", "\u202e", "e\u0301", "\U0001f600",
        '"', "'", '""', ";", ",", "\t", "\r\n", "\n\n", "[]", "{}", "null", "[[[[", "}}", "\\u0000",
        "=cmd|x", "+1", "@x", "${x}", "</script>", "<!ENTITY x SYSTEM 'file:///x'>", "]]>", "&x;",
        "../..", "/vsicurl/http://127.0.0.1:9/", "31/02/2024", "2024-02-30", "0000-00-00", "24:00",
        "-91", "181", "360", "1e300", "kg", "-5 kg", "TLP:RED", "EPSG:0", "SRID=4326;",
        '"type":"GeometryCollection"', '"coordinates":[]', '"crs":{"type":"name"}',
    )
)  # fmt: skip


def mutate(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Return ``data`` after one to four random changes; ``other`` gives pieces to splice in.

    Half of the zip files are changed within a member, whose checksum is then made right.
    """
    if data.startswith(b"PK") and rng.integers(2):
        inner = _within_member(data, rng)
        if inner is not None:
            return inner
    result = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        _CHANGES[int(rng.integers(len(_CHANGES)))](result, other, rng)
    return bytes(result)


def _within_member(data: bytes, rng: np.random.Generator) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        return None
    if not members:
        return None
    hurt = list(members)[int(rng.integers(len(members)))]
    members[hurt] = mutate(members[hurt].removeprefix(b"PK"), b"", rng)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            # A fixed date: the same draw gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def _at(data: bytearray, rng: np.random.Generator) -> int:
    # Heads and tails hold most of the structure of binary formats.
    size, kind = len(data), int(rng.integers(4))
    if kind == 0:
        return int(rng.integers(min(size, 64) + 1))
    if kind == 1:
        return size - int(rng.integers(min(size, 64) + 1))
    return int(rng.integers(size + 1))


def _flip(data: bytearray, _: bytes, rng: np.random.Generator) -> None:
    at = _at(data, rng)
    if at < len(data):
        data[at] ^= 1 << int(rng.integers(8))


def _byte(data: bytearray, _: bytes, rng: np.random.Generator) -> None:
    at = _at(data, rng)
    if at < len(data):
        data[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))


def _cut(data: bytearray, _: bytes, rng: np.random.Generator) -> None:
    at = _at(data, rng)
    del data[at : at + int(rng.integers(1, 33))]


def _end(data: bytearray, _: bytes, rng: np.random.Generator) -> None:
    del data[_at(data, rng) :]


def _token(data: bytearray, _: bytes, rng: np.random.Generator) -> None:
    at, token = _at(data, rng), TOKENS[int(rng.integers(len(TOKENS)))]
    data[at : at + int(rng.integers(2)) * len(token)] = token


def _repeat(data: bytearray, _: bytes, rng: np.random.Generator) -> None:
    at = _at(data, rng)
    piece = data[at : at + int(rng.integers(1, 65))]
    data[at:at] = bytes(piece) * int(rng.integers(1, 9))


def _splice(data: bytearray, other: bytes, rng: np.random.Generator) -> None:
    if other:
        start = int(rng.integers(len(other)))
        at = _at(data, rng)
        data[at:at] = other[start : start + int(rng.integers(1, 129))]


def _number(data: bytearray, _: bytes, rng: np.random.Generator) -> None:
    """Write a length or an offset that is far off."""
    at = _at(data, rng)
    value = int(rng.choice([0, 1, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1]))
    data[at : at + 4] = value.to_bytes(4, "little" if rng.integers(2) else "big")


_CHANGES = (_flip, _byte, _cut, _end, _token, _repeat, _splice, _number)
