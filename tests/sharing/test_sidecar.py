"""What binds a label to its files."""

import base64
import json
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from geocn.sharing import Label, Marking
from geocn.sharing.sidecar import NAMESPACE, sidecar, to_json, to_xml

SPACE = f"{{{NAMESPACE}}}"
HOSTILE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["</Title><x>", "]]>", "&lt;", '" onload="', "\x00\x0b", "\ud800"]),
)


def made(text: str, path: str = "map.html") -> dict:
    return sidecar(
        Label(Marking.AMBER, "SECRET", (text,)),
        {path: "ab" * 32, "layers/x.parquet": "cd" * 32},
        profile={"partner": text, "approver": text, "expires_on": "2026-01-01", "sha256": "00"},
        title=text,
        as_of="2025-12-31",
        lowered=[{"layer": "routes", "to": "TLP:AMBER", "approver": text, "reason": text}],
        derived=[{"analysis": text, "approver": text, "reason": text, "from": {"TLP:RED": 3}}],
    )


@given(HOSTILE)
def test_any_text_is_inert_in_the_xml(text: str) -> None:
    root = ET.fromstring(to_xml(made(text)).encode("utf-8", "surrogatepass"))
    names = {one.tag.removeprefix(SPACE) for one in root.iter()}
    assert names <= {
        *("BindingInformation", "MetadataBindingContainer", "MetadataBinding", "Metadata"),
        *("originatorConfidentialityLabel", "ConfidentialityInformation", "PolicyIdentifier"),
        *("Classification", "Category", "GenericValue", "OriginatorID", "InformationCutOff"),
        *("ReviewDateTime", "Title", "ReleaseProfile", "Value", "Lowered", "Derived", "Layer"),
        *("To", "Approver", "Reason", "Analysis", "DataReference", "DigestMethod"),
        "DigestValue",
    }


def test_every_file_is_bound_and_no_conformance_claimed() -> None:
    content = made("ngo", path="a b&c.html")
    root = ET.fromstring(to_xml(content))
    assert root.get("Conformance") == "none claimed"
    assert "stanag" not in to_xml(content).casefold()
    bound = {
        one.get("URI"): base64.b64decode(one.findtext(f"{SPACE}DigestValue")).hex()
        for one in root.iter(f"{SPACE}DataReference")
    }
    assert bound == {"a%20b%26c.html": "ab" * 32, "layers/x.parquet": "cd" * 32}
    assert root.find(f".//{SPACE}Classification").text == "TLP:AMBER"
    told = json.loads(to_json(content))
    assert told["label"]["releasable_to"] == ["ngo"]
    # How many rows had which label before is not the partner's to know.
    assert "TLP:RED" not in to_json(content) + to_xml(content)
