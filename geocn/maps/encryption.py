"""Maps that open with a passphrase only: AES-256-GCM, with a key by PBKDF2.

Everything of the map (title if asked, layers, the basemap around it, all settings) stands
in one ciphertext. Outside stand the package's own constant scripts, a form, and the marking
with its releasability, which the rules of marking want readable on the cover.

The key is PBKDF2-HMAC-SHA-256 of the passphrase (NFC, UTF-8) with 600,000 iterations, what
OWASP asks for in 2023; the cipher is that of NIST SP 800-38D. Salt and nonces come from
:mod:`secrets`: two encryptions of the same map never have the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import re
import secrets
import struct
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from geocn._typing import StrPath
from geocn.errors import ParameterError, PassphraseError, ReadError
from geocn.maps import page
from geocn.maps._text import safe_json

ITERATIONS = 600_000
MOST_ITERATIONS = 10_000_000
LEAST_LENGTH = 12
_VERSION = 1
_SALT_BYTES = 16
_NONCE_BYTES = 12
#: The ciphertext is filled up to a multiple of this: its size tells little of the content.
_FILL_BYTES = 65_536
_BLOCK = re.compile(
    r'<script type="(?:application/json|text/plain)" id="([\w-]+)">([^<]*)</script>'
)
_SHOWN = ("title", "marking", "tlp", "caveat", "language")


def lock(html: str, passphrase: str, *, hide_title: bool = False, allow_weak: bool = False) -> str:
    """Return the encrypted page of a map.

    Parameters
    ----------
    html : str
        A page as :meth:`PlanningMap.to_html` or :func:`seal` gives it.
    passphrase : str
        At least 12 characters. Unicode is normalised (NFC) before it is used.
    hide_title : bool
        Keep the title inside too. The marking and the releasability stay readable.
    allow_weak : bool
        Take a shorter passphrase.

    Raises
    ------
    ParameterError
        Where the passphrase is empty or too short.
    """
    _refuse_weak(passphrase, allow_weak=allow_weak)
    return _lock(html, passphrase, hide_title=hide_title, draw=secrets.token_bytes)


def open_encrypted(path: StrPath, passphrase: str) -> str:
    """Return the plain page of an encrypted map, as it was before it was encrypted.

    So a project can check what it hands over. The scripts are those of the installed
    version of the package.

    Parameters
    ----------
    path : path-like
        A file that ``save(..., passphrase=...)`` wrote.
    passphrase : str

    Raises
    ------
    PassphraseError
        Where the passphrase does not open it, or its head was changed.
    ReadError
        Where it is no encrypted map, or damaged.

    Example
    -------
    >>> import tempfile, pathlib
    >>> from geocn.maps import PlanningMap, open_encrypted
    >>> plan = PlanningMap("Review", marking="TLP:RED")
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "map.html"
    >>> _ = plan.save(target, passphrase="correct horse battery", hide_title=True)
    >>> "Review" in target.read_text(encoding="utf-8")
    False
    >>> open_encrypted(target, "correct horse battery") == plan.to_html()
    True
    """
    try:
        html = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{path}: cannot be read as a map: {error}") from error
    found = blocks_of(html).get("geocn-locked")
    if found is None:
        raise ReadError(f"{path}: no encrypted map; it needs no passphrase.")
    try:
        return plain_page(_decrypted(found, passphrase))
    except PassphraseError as error:
        raise PassphraseError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError, struct.error, EOFError, OSError) as error:
        raise ReadError(f"{path}: damaged, or changed after it was written.") from error


def blocks_of(html: str) -> dict[str, str]:
    """Return the inert blocks of a page by their ids."""
    return dict(_BLOCK.findall(html))


def plain_page(blocks: Mapping[str, str]) -> str:
    """Return the page around decrypted blocks."""
    config = json.loads(blocks["geocn-config"])
    return page.frame(config, blocks, sealed="geocn-sealed" in blocks)


def _refuse_weak(passphrase: str, *, allow_weak: bool) -> None:
    if not passphrase:
        raise ParameterError("passphrase is empty; take at least four random words.")
    if len(passphrase) < LEAST_LENGTH and not allow_weak:
        raise ParameterError(
            f"passphrase has {len(passphrase)} characters, and whoever holds the file can try "
            f"as many as they like: take {LEAST_LENGTH} or more, for instance four random words "
            "(or allow_weak=True)."
        )


def _lock(html: str, passphrase: str, *, hide_title: bool, draw: Callable[[int], bytes]) -> str:
    """Encrypt with the bytes that ``draw`` gives: salt, nonce, nonce of the check."""
    blocks = {name: text for name, text in blocks_of(html).items() if name != page.CODE}
    config = json.loads(blocks["geocn-config"])
    shown = {key: config[key] for key in _SHOWN}
    words = page.catalogues()
    cover = {**shown, "title": words[config["language"]]["unlock.title"]} if hide_title else shown
    header = safe_json(
        {
            "v": _VERSION,
            "kdf": "PBKDF2-HMAC-SHA-256",
            "cipher": "AES-256-GCM",
            "iterations": ITERATIONS,
            "salt": _text(draw(_SALT_BYTES)),
            "nonce": _text(draw(_NONCE_BYTES)),
            "check_nonce": _text(draw(_NONCE_BYTES)),
            "shown": cover,
        }
    )
    told = json.loads(header)
    cipher = _cipher(passphrase, told)
    bound = header.encode()
    locked = {
        "header": header,
        # Lets the page say "wrong passphrase" apart from "damaged"; it helps nobody to guess.
        "check": _text(cipher.encrypt(_bytes(told["check_nonce"]), b"", bound)),
        "data": _text(cipher.encrypt(_bytes(told["nonce"]), _packed(blocks), bound)),
    }
    form = {
        "title": "" if hide_title else config["title"],
        "right_to_left": list(page.RIGHT_TO_LEFT),
        "catalogues": {
            code: {
                key: text
                for key, text in catalogue.items()
                if key.startswith("unlock.") or key in ("language", "language_name")
            }
            for code, catalogue in words.items()
        },
    }
    outside = {"geocn-words": safe_json(form), "geocn-locked": safe_json(locked)}
    return page.frame(cover, outside, sealed="geocn-sealed" in blocks, locked=True)


def _decrypted(found: str, passphrase: str) -> dict[str, str]:
    from cryptography.exceptions import InvalidTag

    locked = json.loads(found)
    header = json.loads(locked["header"])
    if header["v"] != _VERSION or not ITERATIONS <= header["iterations"] <= MOST_ITERATIONS:
        raise ValueError("an unknown way of encryption")
    cipher = _cipher(passphrase, header)
    bound = locked["header"].encode()
    try:
        cipher.decrypt(_bytes(header["check_nonce"]), _bytes(locked["check"]), bound)
    except InvalidTag as error:
        raise PassphraseError("the passphrase is wrong, or the file was changed.") from error
    try:
        plain = cipher.decrypt(_bytes(header["nonce"]), _bytes(locked["data"]), bound)
    except InvalidTag as error:
        raise ValueError("the ciphertext was changed") from error
    (length,) = struct.unpack_from("<I", plain)
    blocks: dict[str, str] = json.loads(gzip.decompress(plain[4 : 4 + length]))
    return blocks


def _cipher(passphrase: str, header: Mapping[str, Any]) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    typed = unicodedata.normalize("NFC", passphrase).encode()
    salt = _bytes(header["salt"])
    return AESGCM(hashlib.pbkdf2_hmac("sha256", typed, salt, header["iterations"], dklen=32))


def _packed(blocks: Mapping[str, str]) -> bytes:
    data = gzip.compress(json.dumps(blocks).encode(), 6, mtime=0)
    packed = struct.pack("<I", len(data)) + data
    return packed + b"\0" * (-len(packed) % _FILL_BYTES)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
