"""A campaign of any size: products × 50 locales × 4 variants × 5 sizes, four prompt templates, 50 translations."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import yaml

HERO = Path(__file__).resolve().parent / "hero"
PER_PRODUCT = 1000
LOCALES = [
    "en-US", "en-GB", "en-AU", "en-CA", "en-IE", "en-IN", "en-NZ", "en-ZA", "de-DE", "de-AT", "de-CH", "fr-FR", "fr-CA",
    "fr-BE", "fr-CH", "it-IT", "es-ES", "es-MX", "es-AR", "es-CO", "pt-BR", "pt-PT", "nl-NL", "nl-BE", "da-DK", "sv-SE",
    "nb-NO", "fi-FI", "is-IS", "pl-PL", "cs-CZ", "sk-SK", "hu-HU", "ro-RO", "bg-BG", "el-GR", "tr-TR", "uk-UA", "hr-HR",
    "sl-SI", "et-EE", "lv-LV", "lt-LT", "ja-JP", "ko-KR", "zh-CN", "zh-TW", "ar-AE", "he-IL", "hi-IN",
]  # fmt: skip
VARIANTS = (
    ("dawn", "sunrise on a calm lagoon, peach sky, soft mist"),
    ("garden", "cherry blossom garden in the morning, young leaves out of focus"),
    ("studio", "seamless paper backdrop, one large softbox from the left"),
    ("night", "wet street at night, neon reflections, long lens"),
)
SIZES = (("square", 768, 768), ("story", 576, 1024), ("wide", 1024, 576), ("tall", 640, 960), ("banner", 1216, 512))
SCENE = "{{ product.setting }}, {{ variant.scene }}, empty foreground, product photography, shallow depth of field"
NEGATIVE = (
    "text, letters, watermark, people, hands{% if variant.id == 'night' %}, daylight{% endif %}, {{ product.avoid }}"
)
HEADLINE = "{{ copy.headline }}"
CLAIM = "{{ copy.claim }}\n{{ copy.offer }}"


def spec(name: str) -> dict[str, Any]:
    """The campaign's file."""
    return {
        "campaign": name, "title": "Scale", "owner": "maya", "workflow": "hero", "locales": list(LOCALES),
        "axes": {
            "variant": [{"id": one, "scene": scene} for one, scene in VARIANTS],
            "size": [{"id": one, "width": width, "height": height} for one, width, height in SIZES],
        },
        "combine": "product * locale * variant * size", "cell": ["product", "locale", "size"],
        "params": {
            "scene": SCENE, "negative": NEGATIVE, "headline": HEADLINE, "claim": CLAIM,
            "width": "{{ size.width }}", "height": "{{ size.height }}", "steps": 28,
        },
        "inputs": {"photo": "assets/{{ product.photo }}"},
        "job": {"shard_items": 5000, "max_runtime_minutes": 1440},
        "limit_items": 100_000_000, "review": {"reviewers": {"*": ["rosa"]}},
    }  # fmt: skip


def manifest(products: int) -> list[dict[str, str]]:
    """The rows: settings repeat as they do in a catalogue, names do not."""
    settings = ("a rose quartz podium", "a slab of pale travertine", "folded linen", "a bed of moss", "a brass tray")
    return [
        {
            "sku": f"SKU-{number:06d}",
            "name": f"Product {number}",
            "setting": f"{settings[number % len(settings)]}, no. {number}",
            "avoid": ("bottle, jar", "tube", "packaging")[number % 3],
            "photo": f"photo-{number % 20:02d}.png",
        }
        for number in range(1, products + 1)
    ]


def translations(products: int) -> list[tuple[str, str, str, str]]:
    """Three texts in every locale, and a headline of its own for every tenth product."""
    found = [
        (key, locale, f"{text} ({locale})", "approved")
        for key, text in (
            ("headline", "Spring is here"),
            ("claim", "Soft and clear"),
            ("offer", "20% off until Sunday"),
        )
        for locale in LOCALES
    ]
    for number in range(10, products + 1, 10):
        found += [(f"SKU-{number:06d}.headline", tag, f"No. {number} ({tag})", "approved") for tag in LOCALES]
    return found


def write_campaign(home: Path, name: str, products: int) -> None:
    """The project's include/ folder with this one campaign and its workflow."""
    include, folder = home / "include", home / "include" / "campaigns" / name
    for kind, file in (("workflows", "hero.api.json"), ("params", "hero.schema.json")):
        (include / kind).mkdir(parents=True, exist_ok=True)
        shutil.copy(HERO / file, include / kind / file)
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    for number in range(20):
        (folder / "assets" / f"photo-{number:02d}.png").write_bytes(b"picture %d" % number)
    (folder / "campaign.yaml").write_text(yaml.safe_dump(spec(name), allow_unicode=True), encoding="utf-8")
    rows = manifest(products)
    (folder / "manifest.csv").write_text(
        _csv([tuple(rows[0]), *(tuple(row.values()) for row in rows)]), encoding="utf-8"
    )
    header = ("key", "locale", "text", "status")
    (folder / "translations.csv").write_text(_csv([header, *translations(products)]), encoding="utf-8")


def _csv(rows: list[Any]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()
