"""Texts that ComfyUI's TextOverlay would write as boxes are told before anything is paid for."""

from __future__ import annotations

from typing import Any

from pressrun.core.contract import Binding
from pressrun.core.gather import Gather
from pressrun.core.item import Item
from pressrun.core.plan import WorkflowBundle
from pressrun.steps.expand import tell_boxes


def bundle(class_type: str) -> WorkflowBundle:
    graph: dict[str, Any] = {"7": {"class_type": class_type, "inputs": {"text": "x"}}}
    return WorkflowBundle(
        name="card", graph=graph, graph_sha256="a" * 64, contract_sha256="b" * 64,
        bindings={"headline": (Binding(node="7", input="text"),)}, outputs=("7",),
    )  # fmt: skip


def item(row: int, locale: str, headline: str) -> Item:
    return Item(
        item_id=f"{row:016x}", cell_id=f"{row:012x}", axes={"locale": locale}, row=row, workflow="card",
        params={"headline": headline, "width": 512}, seed=1, render_key=f"{row:040x}",
    )  # fmt: skip


ITEMS = [item(2, "en-US", "Wake up"), item(3, "ja-JP", "朝露"), item(4, "ja-JP", "朝露")]


def test_missing_glyphs_are_one_warning_a_text_with_its_rows() -> None:
    gather = Gather()
    tell_boxes(bundle("TextOverlay"), ITEMS, "spring/manifest.csv", gather)
    (found,) = gather.findings
    assert (found.code, found.severity) == ("overlay-glyph", "warning")
    assert (found.place.row, found.place.node) == (3, "7")
    assert "朝 露" in found.message
    assert "ja-JP" in found.message
    assert "also in rows 4" in found.message
    assert not gather.failed


def test_a_text_for_another_node_is_not_its_business() -> None:
    gather = Gather()
    tell_boxes(bundle("CLIPTextEncode"), ITEMS, "spring/manifest.csv", gather)
    assert gather.findings == ()
