"""Bytes to text: which encoding a file is in, found from its content and always told."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from geocn.errors import ParameterError, ReadError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Characters beyond ASCII that Spanish, Portuguese, French and English tables hold.
_WESTERN = frozenset(
    "áéíóúàèìòùâêîôûãõäëïöüñçýÿœæøåßÁÉÍÓÚÀÈÌÒÙÂÊÎÔÛÃÕÄËÏÖÜÑÇŒÆØÅ"
    "ºª°¿¡€£§·±²³µ½¼¾–—‘’“”„«»…•×´\u00a0\u00ad®©™"
)
_SINGLE_BYTE = ("cp1252", "cp850", "mac_roman", "latin-1")
_ESCAPED = re.compile("[\udc80-\udcff]")
_ENOUGH = 0.9
_HEAD = 1 << 16
_ODD_CONTROLS = bytes(i for i in range(32) if i not in (9, 10, 12, 13, 26, 27))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text as UTF-8 bytes without a byte-order mark, and how it was found."""

    data: bytes
    encoding: str
    notes: tuple[str, ...] = ()


def decode(data: bytes, *, name: str, encoding: str | None = None) -> Decoded:
    """Bring the bytes of a text file to UTF-8.

    Parameters
    ----------
    data : bytes
        The whole content.
    name : str
        The file, for messages.
    encoding : str, optional
        What the user says. Without it: the byte-order mark; else UTF-8 where the bytes are
        valid UTF-8; else UTF-16 where every second byte is NUL; else the Western encoding
        under which the letters make sense; else the best guess of charset-normalizer.

    Raises
    ------
    ReadError
        Where the bytes are not text, hold NUL characters, or do not fit the encoding.
    ParameterError
        Where there is no such encoding.
    """
    if encoding is not None:
        return _as(data, _known(encoding), name, ())
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return _as(data, codec, name, ("byte-order mark",))
    if data.isascii() or _is_utf8(data):
        return _plain(data, "utf-8", name, ())
    wide = _utf16_without_mark(data)
    if wide:
        return _as(data, wide, name, (f"no byte-order mark; read as {wide}",))
    _refuse_broken_utf8(data, name)
    return _guess(data, name)


def line_of(data: bytes, position: int) -> int:
    """Return the line, counted from 1, that a byte position lies on."""
    return data.count(b"\n", 0, position) + 1


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise ParameterError(f"there is no encoding {encoding!r}; try 'cp1252'") from error


def _as(data: bytes, codec: str, name: str, notes: tuple[str, ...]) -> Decoded:
    codec = "utf-8-sig" if codec == "utf-8" and data.startswith(codecs.BOM_UTF8) else codec
    try:
        text = data.decode(codec)
    except UnicodeError as error:
        position = getattr(error, "start", 0)
        raise ReadError(
            f"{name}, line {line_of(data, position)}: the bytes do not fit the encoding {codec}. "
            "The file is damaged or in another encoding; say which with encoding=."
        ) from error
    return _plain(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"), codec, name, notes)


def _plain(data: bytes, encoding: str, name: str, notes: tuple[str, ...]) -> Decoded:
    nul = data.find(b"\0")
    if nul >= 0:
        raise ReadError(
            f"{name}, line {line_of(data, nul)}: found a NUL character. The file is not text, or "
            "is damaged; export it again as UTF-8."
        )
    head = data[:_HEAD]
    odd = len(head) - len(head.translate(None, _ODD_CONTROLS))
    if odd > max(2, len(head) // 500):
        raise ReadError(f"{name}: found control characters, so this is no text and no known format")
    return Decoded(data, encoding, notes)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _utf16_without_mark(data: bytes) -> str | None:
    head = data[:_HEAD]
    pairs = max(len(head) // 2, 1)
    for codec, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if zeros.count(0) > 0.4 * pairs:
            return codec
    return None


def _refuse_broken_utf8(data: bytes, name: str) -> None:
    """Refuse UTF-8 with a few broken bytes: as another encoding it would all turn to mojibake."""
    text = data.decode("utf-8", "surrogateescape")
    broken = _ESCAPED.findall(text)
    whole = len(text) - len(text.encode("ascii", "ignore")) - len(broken)
    first = _ESCAPED.search(text)
    if first is not None and whole > 4 * len(broken):
        line = text.count("\n", 0, first.start()) + 1
        raise ReadError(
            f"{name}, line {line}: found {len(broken)} bytes that break the UTF-8 of an otherwise "
            "sound file. Export it again, or say encoding= to read it otherwise."
        )


def guess_encoding(data: bytes) -> str:
    """Return UTF-8 where the bytes are, else the encoding under which they are Western letters.

    Falls back on charset-normalizer, and on cp1252 where that finds nothing.
    """
    if data.isascii() or _is_utf8(data):
        return "utf-8"
    shares = {codec: _western_share(data, codec) for codec in _SINGLE_BYTE}
    best = max(_SINGLE_BYTE, key=lambda codec: shares[codec])
    if shares[best] >= _ENOUGH:
        return best
    from charset_normalizer import from_bytes

    match = from_bytes(data[: _HEAD * 4]).best()
    return match.encoding if match is not None else "cp1252"


def _guess(data: bytes, name: str) -> Decoded:
    codec = guess_encoding(data)
    note = f"not UTF-8; read as {codec} from its letters (say encoding= to set it)"
    try:
        return _as(data, codec, name, (note,))
    except ReadError:
        return _as(data, "latin-1", name, ("not UTF-8; read as latin-1, a guess",))


def _western_share(data: bytes, codec: str) -> float:
    """Return the share of the characters beyond ASCII that Western tables hold."""
    beyond = data.translate(None, bytes(range(128)))
    try:
        text = beyond.decode(codec)
    except UnicodeDecodeError:
        return 0.0
    return sum(n for letter, n in Counter(text).items() if letter in _WESTERN) / max(len(text), 1)
