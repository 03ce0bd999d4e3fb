"""The prompt policy: what counts as the same word, what a rule holds for, what an override leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_cases import GRAPH

from pressrun.core.errors import InputError
from pressrun.core.findings import Finding, Place
from pressrun.core.folding import contains, fold
from pressrun.core.lookalikes import LOOKALIKES
from pressrun.core.model_file import ModelFile
from pressrun.core.policy_spec import PolicySpec
from pressrun.core.prompt_policy import PolicyCheck, PromptPolicy, Text, parse_prompt_policy, text_kinds
from pressrun.core.targets import Binding

POLICY = PromptPolicy.model_validate(
    {
        "max_length": {"copy": 40},
        "rules": [
            {"id": "free", "reason": "say the condition", "in": ["copy"], "blocked": ["free", "kostenlos", "世界一"]},
            {"id": "people", "reason": "no people", "in": ["prompt"], "unless_people": ["generated"], "blocked": ["woman"]},
            {"id": "minors", "reason": "never", "in": ["prompt"], "override": False, "blocked": ["child"]},
            {"id": "note-de", "reason": "price note", "markets": ["de"], "in": ["copy"], "required": ["inkl. MwSt."]},
            {"id": "embedding", "reason": "not locked", "in": ["prompt", "negative"], "blocked": ["embedding:"]},
        ],
        "licences": {"mit": {"uses": ["commercial"]}, "cc-by-nc-4.0": {"uses": ["internal"]}},
    }
)  # fmt: skip


def check(spec: dict[str, Any] | None = None) -> PolicyCheck:
    return PolicyCheck(POLICY, PolicySpec.model_validate(spec or {}), "c/campaign.yaml")


def told(value: str, kind: Any = "copy", locale: str = "en-US", spec: dict[str, Any] | None = None) -> list[Finding]:
    return list(check(spec).texts([Text("claim", kind, locale, value, Place(file="c"))]))


@pytest.mark.parametrize(
    "text",
    ["free", "FREE", "Get it free!", "ｆｒｅｅ", "fr\u200bee", "f\u00adree", "f r e e", "f.r.e.e", "f-r-e-e", "frее",
     "fŕee", "\u202efree", "free\ufe0f", "fr3e", "f\u0301r\u0302e\u0308e", "fr\u20dde\u20e0e", "𝓯𝓻𝓮𝓮", "ⓕⓡⓔⓔ", "FЯEE".replace("Я", "Ꭱ"),
     "ꓝꓣꓰꓰ", "fr\u0435\u1d07", "ƒree".replace("ƒ", "ꬵ"), "Ϝree", "fr𐐩e".replace("𐐩", "\uab32"), "f\U000e0020ree", "fr\u00ade\u0301e"],
)  # fmt: skip
def test_what_reads_the_same_is_the_same(text: str) -> None:
    assert [finding.code for finding in told(text)] == ["policy-rule"]


@pytest.mark.parametrize("text", ["freedom", "carefree", "fee", "", "refreed", "frei"])
def test_parts_of_other_words_are_not(text: str) -> None:
    assert told(text) == []


def test_words_of_scripts_without_spaces_are_found_inside() -> None:
    assert told("これは世界一です", locale="ja-JP")


def test_every_lookalike_of_unicodes_list_is_its_letter_inside_a_latin_word() -> None:
    everything = [(char, letter) for by in LOOKALIKES.values() for letter, chars in by.items() for char in chars]
    assert len(everything) > 300
    missed = [char for char, letter in everything if fold(f"x{char}x") != f"x{letter}x"]
    # μ and η are taken for u and n here: that is how people write them. × is a sign of sizes.
    assert set(missed) <= set("ημա×"), missed


@pytest.mark.parametrize("text", ["اہل", "וסיד", "ဝင", "Ελλάδα μου"])
def test_words_of_another_script_of_today_stay_words_of_that_script(text: str) -> None:
    locale = "el-GR" if "λ" in text else "en-US"
    assert not any(char.isascii() and char.isalpha() for char in fold(text, locale=locale))


def test_a_markets_own_letters_are_not_lookalikes() -> None:
    assert fold("сор", locale="ru-RU") == "сор"
    assert fold("сор", locale="en-US") == "cop"
    assert fold("frее", locale="ru-RU") == "free"  # mixed scripts in one word are a disguise everywhere


@given(st.text(max_size=40), st.sampled_from(["", "de-DE", "ru-RU", "ar-AE", "ja-JP"]))
def test_folding_never_fails_and_a_text_contains_itself(text: str, locale: str) -> None:
    folded = fold(text, locale=locale)
    assert folded == "" or contains(folded, folded) or not folded[0].isalnum() or not folded[-1].isalnum()


@given(
    st.sampled_from(["free", "kostenlos"]),
    st.text(alphabet="\u200b\u200c\u200d\u2060\ufeff\u00ad", max_size=4),
    st.integers(0, 9),
)
def test_invisible_characters_hide_nothing(word: str, hidden: str, at: int) -> None:
    assert told(word[:at] + hidden + word[at:])


def test_required_words_are_asked_of_all_texts_of_the_market_together() -> None:
    place = Place(file="c")
    texts = [Text("headline", "copy", "de-DE", "Frühling", place), Text("claim", "copy", "de-DE", "9 €", place)]
    assert [finding.code for finding in check().texts(texts)] == ["policy-rule"]
    assert list(check().texts([*texts, Text("note", "copy", "de-DE", "Inkl.  MwSt.", place)])) == []
    assert told("Spring", locale="en-US") == []


def test_length_is_that_of_the_filled_text() -> None:
    assert [finding.code for finding in told("x" * 41)] == ["policy-length"]


def test_people_depend_on_what_the_campaign_says() -> None:
    assert told("a woman in a garden", "prompt")
    assert told("a woman in a garden", "prompt", spec={"people": "generated"}) == []
    assert told("a woman", "negative") == []


def test_an_embedding_in_a_prompt_is_a_model_nobody_locked() -> None:
    assert told("nice (embedding:evil:1.2)", "negative")


def test_an_override_becomes_a_warning_with_its_reason_and_name() -> None:
    spec = {"overrides": [{"rule": "free", "reason": "counsel agreed", "by": "maya"}]}
    held = check(spec)
    (finding,) = held.texts([Text("claim", "copy", "en-US", "free", Place())])
    assert (finding.code, finding.severity) == ("policy-overridden", "warning")
    assert "maya" in finding.message
    assert "counsel agreed" in finding.message
    assert list(held.overrides()) == []


def test_an_override_holds_in_its_markets_only() -> None:
    spec = {"overrides": [{"rule": "free", "reason": "counsel agreed", "by": "maya", "markets": ["de-DE"]}]}
    assert told("free", locale="en-US", spec=spec)[0].severity == "error"


@pytest.mark.parametrize(
    ("rule", "text", "code"),
    [("nope", "x", "override-unknown"), ("minors", "child", "override-refused"), ("free", "x", "override-unused")],
)
def test_overrides_are_checked_themselves(rule: str, text: str, code: str) -> None:
    held = check({"overrides": [{"rule": rule, "reason": "because", "by": "maya"}]})
    found = list(held.texts([Text("scene", "prompt", "en-US", text, Place())]))
    assert [finding.code for finding in held.overrides()] == [code]
    assert [finding.severity for finding in found] == (["error"] if text == "child" else [])


@pytest.mark.parametrize("missing", ["reason", "by"])
def test_an_override_without_a_reason_or_a_name_is_none(missing: str) -> None:
    entry = {"rule": "free", "reason": "counsel agreed", "by": "maya", missing: ""}
    with pytest.raises(ValueError, match=missing):
        PolicySpec.model_validate({"overrides": [entry]})


@pytest.mark.parametrize(
    ("licence", "use", "code"),
    [("mit", "commercial", None), ("cc-by-nc-4.0", "commercial", "licence-use"), ("cc-by-nc-4.0", "internal", None),
     ("secret", "commercial", "licence-unknown")],
)  # fmt: skip
def test_licences_are_held_against_the_use(licence: str, use: str, code: str | None) -> None:
    model = ModelFile(name="a.safetensors", folder="checkpoints", sha256="0" * 64, size=1, licence=licence, source="x")
    assert [finding.code for finding in check({"use": use}).models([model])] == ([code] if code else [])


def test_texts_are_told_apart_by_where_they_lead() -> None:
    bindings = {
        "scene": (Binding(node="6", input="text"),), "negative": (Binding(node="7", input="text"),),
        "headline": (Binding(node="14", input="text"),), "steps": (Binding(node="3", input="steps"),),
        "both": (Binding(node="6", input="text"), Binding(node="7", input="text")),
    }  # fmt: skip
    assert text_kinds(GRAPH, bindings) == {
        "scene": "prompt",
        "negative": "negative",
        "headline": "copy",
        "both": "prompt",
    }


@pytest.mark.parametrize(
    "text", ["rules: [{id: a}]", "rules: [{id: a, reason: x}, {id: a, reason: y}]", "nope: 1", "{", "- a"]
)
def test_a_policy_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"p\.yaml"):
        parse_prompt_policy(text.encode(), file="p.yaml")
