from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from geocn.errors import ParameterError, PassphraseError, ReadError
from geocn.io.packed import decode_block
from geocn.maps import PlanningMap, encryption, open_encrypted, page
from tests.maps import andes

SECRET = "correct horse battery"
SECRETS = ("Casa del Río", "SZ-00001", "Tumaco", "Coast guard", "cocaine", "weight_kg", "seizures")


def written(folder: Path, plan: PlanningMap, **options: object) -> Path:
    return plan.save(folder / "map.html", passphrase=SECRET, **options)


def envelope(path: Path) -> dict[str, str]:
    return json.loads(encryption.blocks_of(path.read_text(encoding="utf-8"))["geocn-locked"])


def test_it_comes_back_byte_for_byte(tmp_path: Path) -> None:
    plan = andes.full_map()
    path = written(tmp_path, plan, hide_title=True)
    assert open_encrypted(path, SECRET) == plan.to_html()


def decoded(html: str) -> str:
    """The page and all that its base64 and gzip hold, as one text."""
    found = [html]
    for text in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", html):
        whole = text[: len(text) // 4 * 4]
        data = base64.b64decode(whole)
        found.append(data.decode("latin-1"))
        if data[:2] == b"\x1f\x8b":
            found.append(gzip.decompress(data).decode("latin-1"))
    return "\n".join(found)


def constant(html: str) -> str:
    """Leave out the package's own scripts and styles, which every map carries."""
    for text in (page.loader(), page.frame_style(), page.code_block(locked=True)):
        html = html.replace(text, "")
    return html


def test_nothing_is_readable_without_it(tmp_path: Path) -> None:
    plan = andes.full_map(author="Analyst Mora", sources=["Registry 7"], limits=["No rivers"])
    path = written(tmp_path, plan, hide_title=True)
    told = str(decode_block(encryption.blocks_of(plan.to_html())["geocn-data"])[0])
    assert all(word in told for word in SECRETS[2:])
    outside = decoded(constant(path.read_text(encoding="utf-8")))
    hidden = [
        *SECRETS,
        plan.title,
        "Andes",
        "Analyst Mora",
        "Registry 7",
        "No rivers",
        "2025-12-31",
    ]
    hidden += [str(value) for value in plan.layers[0].frame.total_bounds.round(2)]
    assert [word for word in hidden if word in outside] == []
    blocks = encryption.blocks_of(path.read_text(encoding="utf-8"))
    assert sorted(blocks) == ["geocn-code", "geocn-locked", "geocn-words"]
    assert plan.marking in outside


def test_the_cover_is_the_same_wherever_the_map_lies(tmp_path: Path) -> None:
    """Basemap and bounds would tell the place: only the envelope may differ."""

    def cover(x: float, y: float) -> str:
        frame = gpd.GeoDataFrame({"drug": ["a"]}, geometry=[shapely.Point(x, y)], crs=4326)
        plan = PlanningMap("Review", marking="TLP:RED").add_seizures(frame)
        path = written(tmp_path, plan)
        blocks = encryption.blocks_of(path.read_text(encoding="utf-8"))
        return path.read_text(encoding="utf-8").replace(blocks["geocn-locked"], "")

    assert cover(-76.6, 2.4) == cover(102.1, 20.3)


def test_no_two_encryptions_are_alike(tmp_path: Path) -> None:
    plan = PlanningMap("Review")
    first = envelope(written(tmp_path, plan))
    second = envelope(written(tmp_path, plan))
    one, other = (json.loads(found["header"]) for found in (first, second))
    assert first["data"] != second["data"]
    assert all(one[key] != other[key] for key in ("salt", "nonce", "check_nonce"))
    assert one["nonce"] != one["check_nonce"]


def test_with_the_same_random_bytes_the_file_is_the_same() -> None:
    def drawn() -> str:
        numbers = itertools.count()
        html = PlanningMap("Review").to_html()
        return encryption._lock(
            html, SECRET, hide_title=False, draw=lambda n: bytes([next(numbers)]) * n
        )

    assert drawn() == drawn()


def test_the_way_of_encryption_is_the_one_promised(tmp_path: Path) -> None:
    """The standard library's PBKDF2 and the bare AES-GCM open it without our module."""
    import hashlib

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    locked = envelope(written(tmp_path, PlanningMap("Review")))
    header = json.loads(locked["header"])
    assert header["iterations"] >= 600_000
    salt, nonce = base64.b64decode(header["salt"]), base64.b64decode(header["nonce"])
    assert (len(salt), len(nonce)) == (16, 12)
    key = hashlib.pbkdf2_hmac("sha256", SECRET.encode(), salt, header["iterations"], dklen=32)
    plain = AESGCM(key).decrypt(nonce, base64.b64decode(locked["data"]), locked["header"].encode())
    assert len(plain) % 65_536 == 0
    assert b"geocn-data" in gzip.decompress(plain[4 : 4 + int.from_bytes(plain[:4], "little")])


def test_a_wrong_passphrase_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, PlanningMap("Review"))
    with pytest.raises(PassphraseError, match="wrong"):
        open_encrypted(path, SECRET + "!")


@pytest.mark.parametrize("key", ["data", "check", "header"])
def test_a_changed_file_never_opens(tmp_path: Path, key: str) -> None:
    path = written(tmp_path, PlanningMap("Review"))
    text, value = path.read_text(encoding="utf-8"), envelope(path)[key]
    at = text.index(json.dumps(value)[1:9] if key == "header" else value) + 40
    for place in (at, at + 8):
        other = "0" if text[place] != "0" else "1"
        path.write_text(text[:place] + other + text[place + 1 :], encoding="utf-8")
        with pytest.raises((PassphraseError, ReadError)):
            open_encrypted(path, SECRET)


def test_fewer_iterations_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, PlanningMap("Review"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('\\"iterations\\":600000', '\\"iterations\\":1000'))
    with pytest.raises(ReadError, match="damaged"):
        open_encrypted(path, SECRET)


def test_what_is_no_encrypted_map_is_told(tmp_path: Path) -> None:
    plain = PlanningMap("Review").save(tmp_path / "plain.html")
    with pytest.raises(ReadError, match="needs no passphrase"):
        open_encrypted(plain, SECRET)
    with pytest.raises(ReadError, match="cannot be read"):
        open_encrypted(tmp_path / "none.html", SECRET)


def test_a_weak_passphrase_is_refused_with_the_reason(tmp_path: Path) -> None:
    target = tmp_path / "map.html"
    plan = PlanningMap("Review")
    with pytest.raises(ParameterError, match="12 or more"):
        plan.save(target, passphrase="elevenchars")
    with pytest.raises(ParameterError, match="empty"):
        plan.save(target, passphrase="", allow_weak=True)
    with pytest.raises(ParameterError, match="without a passphrase"):
        plan.save(target, hide_title=True)
    assert not target.exists()
    plan.save(target, passphrase="short", allow_weak=True)
    assert open_encrypted(target, "short") == plan.to_html()


def test_title_outside_unless_asked(tmp_path: Path) -> None:
    plan = PlanningMap("Operation Review", marking="TLP:AMBER", releasable_to="Partners")
    shown = written(tmp_path, plan).read_text(encoding="utf-8")
    assert "Operation Review" in shown
    hidden = written(tmp_path, plan, hide_title=True).read_text(encoding="utf-8")
    assert "Operation Review" not in hidden
    assert "TLP:AMBER" in hidden
    assert "Partners" in hidden


def test_the_policy_lists_only_the_package_s_own_scripts(tmp_path: Path) -> None:
    policies = {
        re.search(r'Content-Security-Policy" content="([^"]*)"', path.read_text(encoding="utf-8"))[
            1
        ]
        for path in (
            written(tmp_path, PlanningMap("one", marking="TLP:RED")),
            written(tmp_path, andes.full_map()),
        )
    }
    assert len(policies) == 1
    assert "unsafe" not in policies.pop()


def test_an_encrypted_map_is_hardly_larger(tmp_path: Path) -> None:
    plan = andes.full_map()
    size = written(tmp_path, plan).stat().st_size
    assert size < 1.1 * len(plan.to_html().encode()) + 90_000
