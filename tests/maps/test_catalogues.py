"""The page says the same in five languages, with the plurals and figures of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from geocn import maps
from geocn.maps import PlanningMap, page

CATALOGUES = page.catalogues()
ENGLISH = CATALOGUES["en"]
OTHERS = [code for code in CATALOGUES if code != "en"]
JS = Path(maps.__file__).parent / "assets" / "js"
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in JS.glob("*.js")}
#: Plural categories of cardinal numbers in CLDR 44 that a count of records can fall into. Those
#: left out fall back on "other", as the page does: "many" of es, fr and pt is a whole million
#: ("un millón de"), "zero" of ar takes the same form as a hundred.
PLURALS = {
    "en": {"one", "other"},
    "es": {"one", "other"},
    "fr": {"one", "other"},
    "pt": {"one", "other"},
    "ar": {"one", "two", "few", "many", "other"},
}
#: Categories that hold one number only, so that the sentence may say it in a word.
WORDS = {"en": {"one"}, "es": {"one"}, "fr": set(), "pt": set(), "ar": {"zero", "one", "two"}}
#: What is written alike in the other language too.
ALIKE = {"± 95 % (ha)", "A4 portrait", "A3 portrait"}


def messages(code: str) -> Iterator[tuple[str, str]]:
    """Every text of a catalogue with its key, those of plurals and sentences included."""
    for key, value in CATALOGUES[code].items():
        if key == "sentences":
            for kind, groups in value.items():
                for i, group in enumerate(groups):
                    yield from ((f"{kind} {i}.{k}", text) for k, text in enumerate(group))
        elif isinstance(value, dict):
            yield from ((f"{key} {form}", text) for form, text in value.items())
        else:
            yield key, value


def slots(message: str | dict[str, str]) -> set[str]:
    """Placeholders of a message, of all forms where it has several."""
    texts = [message] if isinstance(message, str) else message.values()
    return {slot for text in texts for slot in re.findall(r"{.*?}", text)}


@pytest.mark.parametrize("code", OTHERS)
def test_each_catalogue_has_every_message_and_no_more_than_the_others(code: str) -> None:
    words = CATALOGUES[code]
    assert set(ENGLISH) - set(words) == set()
    # English reads these from the code itself: "coca_paste" is "coca paste".
    extra = set(words) - set(ENGLISH)
    assert all(key.startswith("code.") for key in extra)
    assert extra == set(CATALOGUES["es"]) - set(ENGLISH)
    assert set(words["sentences"]) == set(ENGLISH["sentences"])


@pytest.mark.parametrize("code", OTHERS)
def test_each_message_has_the_same_placeholders(code: str) -> None:
    words = CATALOGUES[code]
    for key, message in ENGLISH.items():
        if key != "sentences":
            assert slots(message) == slots(words[key]), (code, key)
    for kind, groups in ENGLISH["sentences"].items():
        for ours, theirs in zip(groups, words["sentences"][kind], strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert slots(one) == slots(other), (code, kind, other)


@pytest.mark.parametrize("code", CATALOGUES)
def test_plurals_have_the_forms_of_their_language(code: str) -> None:
    counted = {key for key, value in ENGLISH.items() if isinstance(value, dict)} - {"sentences"}
    for key, message in CATALOGUES[code].items():
        if key == "sentences" or (isinstance(message, str) and key not in counted):
            continue
        assert isinstance(message, dict), (code, key)
        # A sentence that reads alike for every number needs one form only.
        assert set(message) - {"zero"} in (PLURALS[code], {"other"}), (code, key)
        for form, text in message.items():
            needed = slots(message) - ({"{n}"} if form in WORDS[code] else set())
            assert needed <= slots(text), (code, key, form)
    assert "new Intl.PluralRules(locale())" in SCRIPTS["text"]
    assert "message[rule] ?? message.other" in SCRIPTS["text"]


@pytest.mark.parametrize("code", OTHERS)
def test_no_english_is_left(code: str) -> None:
    english = dict(messages("en"))
    for key, text in messages(code):
        plain = re.sub(r"{.*?}", "", text)
        assert not re.search(r"\b(the|of|is|are|and|this|with|not|known)\b", plain), (key, text)
        if english.get(key) == text and text not in ALIKE:
            assert len(re.findall(r"[^\W\d_]{2,}", plain)) < 2, (code, key, text)


def test_arabic_is_written_in_arabic_letters() -> None:
    for key, text in messages("ar"):
        plain = re.sub(r"{.*?}", "", text)
        latin = re.findall(r"[A-Za-z]{2,}", plain)
        arabic = re.search(r"[\u0600-\u06ff]", plain)
        assert arabic or not re.search(r"[^\W\d_]{3,}", plain) or len(latin) <= 1, (key, text)
        # Figures are read aloud between partners: Western digits in every language.
        assert not re.search(r"[\u0660-\u0669\u06f0-\u06f9]", text), (key, text)
    assert "'ar-u-nu-latn'" in SCRIPTS["text"]


@pytest.mark.parametrize("code", CATALOGUES)
def test_texts_are_clean(code: str) -> None:
    for key, text in messages(code):
        assert text, (code, key)
        assert text == text.strip(), (code, key)
        assert "  " not in text, (code, key)
        assert text.count("{") == text.count("}") == len(re.findall(r"{\w+(?::\w+)?}", text))
        # No invisible marks: direction is kept by isolates round each piece of data.
        assert not re.search(r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", text), (code, key)


def test_formats_in_sentences_are_ones_the_page_knows() -> None:
    known = re.search(r"const formats = {(.*?)\n  };", SCRIPTS["sentences"], re.DOTALL)
    assert known is not None
    formats = set(re.findall(r"(\w+): \(v[,)]", known[1]))
    used = {slot for _, text in messages("en") for slot in re.findall(r"{\w+:(\w+)}", text)}
    assert used <= formats


def test_every_message_that_the_page_asks_for_is_there() -> None:
    for name, script in SCRIPTS.items():
        for key in re.findall(r"\bT\('([\w.-]+)'", script):
            assert key in ENGLISH, (name, key)


@pytest.mark.parametrize("marking", ["TLP:AMBER+STRICT", "TLP:RED", "TLP:CLEAR"])
def test_a_marking_is_never_translated(marking: str) -> None:
    banners = set()
    for code in CATALOGUES:
        assert not any(re.search(r"\bTLP\b", text) for _, text in messages(code))
        html = PlanningMap("t", marking=marking, language=code).to_html()
        banners.add(tuple(re.findall(r'<b class="[\w-]+">([^<]*)</b></div>', html)))
    assert banners == {(marking, marking)}


def test_ranges_and_pairs_of_figures_are_isolated() -> None:
    """A range beside an Arabic unit would read from its end without an isolate of its own."""
    assert re.search(
        r"isolate\(`[^`]*–\$\{geocn\.number\(area \+ half\)\}`\)", SCRIPTS["sentences"]
    )
    assert SCRIPTS["legend"].count("geocn.isolate(") >= 2
    assert "geocn.isolate(at.map((v) => v.toFixed(2)).join(', '))" in SCRIPTS["whatif"]
    assert re.search(r"T = \(key.*?isolate\(geocn\.number\(value\)\)", SCRIPTS["text"], re.DOTALL)
