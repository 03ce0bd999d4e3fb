"""The prompt policy held against a plan: texts as they were expanded, copy that is typeset, licences of the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pressrun.core.campaign import CampaignSpec
from pressrun.core.contract import Contract
from pressrun.core.copy_table import CopyTable
from pressrun.core.findings import Finding, Place
from pressrun.core.item import Item
from pressrun.core.model_file import ModelFile
from pressrun.core.overlay import DerivedInput
from pressrun.core.plan import WorkflowBundle
from pressrun.core.prompt_policy import PolicyCheck, PromptPolicy, Text, text_kinds


def check_filling(spec: CampaignSpec, contract: Contract) -> Iterator[Finding]:
    """Input files come by `inputs` alone: a file name in `params` would name a file that no job is given."""
    file = f"{spec.campaign}/campaign.yaml"
    for name in spec.params:
        if name in contract.assets:
            yield Finding(
                code="parameter-file", message=f"{name!r} is an input file, not a parameter",
                place=Place(file=file, pointer=f"/params/{name}"), remedy="give it under `inputs`",
            )  # fmt: skip
    for name in spec.inputs:
        if name in contract.schema["properties"] and name not in contract.assets:
            yield Finding(
                code="parameter-file", message=f"{name!r} takes no file",
                place=Place(file=file, pointer=f"/inputs/{name}"), remedy="give it under `params`",
            )  # fmt: skip


def check_policy(
    policy: PromptPolicy,
    spec: CampaignSpec,
    bundle: WorkflowBundle,
    items: Iterable[Item],
    *,
    copy_table: CopyTable | None,
    models: Iterable[ModelFile],
) -> Iterator[Finding]:
    """Every finding of the policy. One text that serves many items is told once, with its rows."""
    file = f"{spec.campaign}/campaign.yaml"
    check = PolicyCheck(policy, spec.policy, file)
    kinds = text_kinds(bundle.graph, bundle.bindings)
    told: set[tuple[tuple[str, str, str], ...]] = set()
    for item in items:
        texts = [
            Text(name, kind, item.locale, str(item.params[name]), Place(file=file, pointer=f"/params/{name}"))
            for name, kind in kinds.items()
            if isinstance(item.params.get(name), str)
        ]
        key = tuple((text.name, text.locale, text.value) for text in texts)
        if key not in told:
            told.add(key)
            yield from check.texts(texts)
    if copy_table is not None and any(isinstance(value, DerivedInput) for value in spec.inputs.values()):
        for text in copy_table.texts.values():
            if text.locale in spec.locales and text.status != "retired":
                place = Place(file=f"{spec.campaign}/{spec.copy_table}", row=text.row, column="text")
                yield from check.text(Text(text.key, "copy", text.locale, text.text, place))
    yield from check.models(models)
    yield from check.overrides()
