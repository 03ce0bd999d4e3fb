"""Templates: native values, strict names, and nothing that an author could hurt the press with."""

from __future__ import annotations

from typing import Any

import pytest

from pressrun.core.errors import InputError
from pressrun.core.templates import OUTPUT_LIMIT, render_value

CONTEXT: dict[str, Any] = {
    "row": {"name": "Aurora", "empty": "", "missing": None},
    "size": {"id": "square", "width": 768, "ratio": 1.5},
    "tags": ["soft", "warm"],
    "on": True,
}


def fill(template: Any) -> Any:
    return render_value(template, CONTEXT, where="campaign.yaml, /params/prompt")


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain { text }", "plain { text }"),
        ("{{ size.width }}", 768),
        ("  {{ size.width // 2 }}  ", 384),
        ("{{ -size.width }}", -768),
        ("{{- size.width -}}", 768),
        ("{{ size.ratio }}", 1.5),
        ("{{ on }}", True),
        ("{{ tags }}", ["soft", "warm"]),
        ("{{ tags[0] }}", "soft"),
        ("{{ row['name'] }}", "Aurora"),
        ("{{ row.missing }}", None),
        ("{{ size.width }} px", "768 px"),
        ("{{ on }}!", "true!"),
        ("{{ tags | join(', ') }} light", "soft, warm light"),
        ("{{ row.name | upper }}", "AURORA"),
        ("{{ row.nickname | default('none') }}", "none"),
        ("{{ '{{ kept }}' }}", "{{ kept }}"),
        ("{{ size.width }}{# a note #}", "768"),
        ("{% if size.width > 700 %}big{% else %}small{% endif %}", "big"),
        ("{{ 'wide' if size.ratio > 2 else 'tall' }}", "tall"),
        ("ends with newline\n{{ row.name }}\n", "ends with newline\nAurora\n"),
        (12, 12),
        (None, None),
        ({"a": ["{{ size.width }}", 1, {"b": "{{ row.name }}"}]}, {"a": [768, 1, {"b": "Aurora"}]}),
    ],
)
def test_values(template: Any, value: Any) -> None:
    result = fill(template)
    assert result == value
    assert type(result) is type(value)


def test_a_missing_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        fill("a bottle of {{ produkt }}")
    assert "'produkt' is undefined" in caught.value.message
    assert "a bottle of {{ produkt }}" in caught.value.message
    assert caught.value.remedy == "known: on, row, size, tags"
    assert caught.value.where == "campaign.yaml, /params/prompt"


@pytest.mark.parametrize("template", ["{{ row.nmae }}", "of {{ row.nmae }}", "{{ [row.nmae] }}", "{{ row['nmae'] }}"])
def test_a_missing_column_is_told_with_the_known_ones(template: str) -> None:
    with pytest.raises(InputError, match="the mapping has no 'nmae'; known: name, empty, missing"):
        fill(template)


def test_errors_inside_lists_and_mappings_name_their_place() -> None:
    with pytest.raises(InputError) as caught:
        fill({"lines": ["fine", "{{ gone }}"]})
    assert caught.value.where == "campaign.yaml, /params/prompt/lines/1"


def test_a_mapping_may_know_its_values_only_when_asked() -> None:
    class Lazy(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return f"<{key}>"

    assert render_value("{{ copy.headline }}!", {"copy": Lazy()}, where="here") == "<headline>!"
    assert render_value("{{ copy.headline }}", {"copy": Lazy()}, where="here") == "<headline>"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ row.__class__ }}",
        "{{ row['__class__'] }}",
        "{{ tags.append('x') }}",
        "{{ row.name.format(1) }}",
        "{{ row.name.upper }}",
        "{{ range(10**9) }}",
        "{% for n in range(10**9) %}x{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set x = 'a' %}",
        "{% include 'secrets' %}",
        "{% import 'os' as os %}",
        "{{ 'a' * 10**10 }}",
        "{{ 'a' * 10000000000 }}",
        "{{ [1] * 10000000000 }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ 'a' | center(10000000000) }}",
        "{{ 'a' | indent(10000000000) }}",
        "{{ " + "9" * 60 + " * " + "9" * 60 + " }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ 1" + "+ 1" * 2000 + " }}",
        "{{ row.name }}" * 3000,
        "{{ 'a' | replace('a', 'aaaaaaaaaa')" + " | replace('a', 'aaaaaaaaaa')" * 12 + " }}",
        "{{ self }}",
        "{{ 1 / 0 }}",
        "{{ row.name",
        "{{ }}",
        "text {{ row.missing }}",
        "text {{ row }}",
        "text {{ tags }}",
    ],
)
def test_hostile_or_broken_templates_are_refused(template: str) -> None:
    with pytest.raises(InputError, match="template"):
        fill(template)


def test_a_long_result_is_refused() -> None:
    with pytest.raises(InputError, match=f"more than {OUTPUT_LIMIT} characters"):
        render_value("{{ a }}{{ a }}", {"a": "x" * (OUTPUT_LIMIT - 1)}, where="here")
    with pytest.raises(InputError, match=f"more than {OUTPUT_LIMIT} characters"):
        render_value("{{ a }}", {"a": "x" * (OUTPUT_LIMIT + 1)}, where="here")
