"""Batches: items that one prompt makes together, and what a campaign must be like for that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pressrun.core.axes import Combination
from pressrun.core.campaign import CampaignSpec
from pressrun.core.contract import Contract
from pressrun.core.findings import Finding, Place
from pressrun.core.item import Item
from pressrun.core.overlay import DerivedInput
from pressrun.core.templates import names_in


def prompts_of(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """The items of each prompt, by index: an item alone, or a batch's items that are among these.

    Prompts come in the order of their first items. A picture that two items want is made twice.
    """
    prompts: dict[tuple[str, int], list[Item]] = {}
    seen: dict[str, int] = {}
    for item in items:
        if item.batch is None:
            prompts[item.item_id, 0] = [item]
            continue
        again = seen.get(item.render_key, 0)
        seen[item.render_key] = again + 1
        prompts.setdefault((item.batch.key, again), []).append(item)
    return [tuple(sorted(own, key=_index)) for own in prompts.values()]


def pictures_of(prompt: Sequence[Item]) -> int:
    """How many pictures a prompt makes: a batch is made whole, however many of its items are wanted."""
    return prompt[0].batch.size if prompt[0].batch else 1


def _index(item: Item) -> int:
    return item.batch.index if item.batch else 0


def seed_axes(spec: CampaignSpec, *, batched: bool) -> tuple[str, ...]:
    """The axes that change the seed: all pictures of a batch share it.

    Not `batched`: an item that was sent back, which leaves its batch, since one new picture would cost as much as all
    of them; then the seed must differ from the others' that were sent back.
    """
    if spec.batch is None or spec.batch_size == 1:
        return spec.seed_axes
    others = tuple(axis for axis in spec.seed_axes if axis != spec.batch)
    return others if batched else (*others, spec.batch)


def check_batch(spec: CampaignSpec, contract: Contract, combination: Combination) -> list[Finding]:
    """Everything that keeps the campaign's `batch` axis from being the pictures of one prompt."""
    return list(_wrong(spec, contract, combination))


def _wrong(spec: CampaignSpec, contract: Contract, combination: Combination) -> Iterator[Finding]:
    axis, size = spec.batch, spec.batch_size
    if axis is None or size == 1:
        return

    def finding(code: str, message: str, pointer: str, remedy: str) -> Finding:
        place = Place(file=f"{spec.campaign}/campaign.yaml", pointer=pointer)
        return Finding(code=code, message=message, place=place, remedy=remedy)

    if contract.batch_max == 1:
        yield finding(
            "batch-undeclared", f"the contract of {spec.workflow!r} does not say how a prompt makes several pictures",
            "/batch", 'add "x-batch": {"node": …, "input": "batch_size", "max": …} to it, or remove `batch`',
        )  # fmt: skip
    elif size > contract.batch_max:
        yield finding(
            "batch-size", f"axis {axis!r} has {size} values, one prompt makes {contract.batch_max} pictures at most",
            f"/axes/{axis}", "list fewer values, or raise the contract's x-batch max where the GPU's memory allows it",
        )  # fmt: skip
    if size > spec.job.shard_items:
        yield finding(
            "batch-shard", f"a batch is {size} items, a job takes {spec.job.shard_items}", "/job/shard_items",
            "a batch is rendered in one job: raise shard_items",
        )  # fmt: skip
    if axis in combination.axes and axis not in combination.free_axes:
        yield finding(
            "batch-zipped", f"axis {axis!r} goes in step with another one, so no two items differ in it alone",
            "/combine", f"take it out of the parentheses and multiply by it: … * {axis}",
        )  # fmt: skip
    for pointer, template in _templates(spec):
        if axis in names_in(template):
            yield finding(
                "batch-template", f"depends on {axis!r}, but the pictures of one prompt have the same parameters",
                pointer, f"take {axis!r} out of the template, or remove `batch`",
            )  # fmt: skip


def _templates(spec: CampaignSpec) -> Iterator[tuple[str, Any]]:
    for name, value in spec.params.items():
        yield f"/params/{name}", value
    for number, override in enumerate(spec.overrides):
        # What holds for some values of the axis only depends on it, as a template that names it does.
        yield f"/overrides/{number}/when", ["{{ " + axis + " }}" for axis in override.when]
        for name, value in override.params.items():
            yield f"/overrides/{number}/params/{name}", value
    for name, template in spec.inputs.items():
        written = template.typeset.model_dump() if isinstance(template, DerivedInput) else template
        yield f"/inputs/{name}", written
