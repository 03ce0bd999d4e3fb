"""The prompt policy held against a plan: texts as they were expanded, also those that are typeset, and licences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pressrun.core.campaign import CampaignSpec
from pressrun.core.contract import Contract
from pressrun.core.findings import Finding, Place
from pressrun.core.item import Item
from pressrun.core.model_file import ModelFile
from pressrun.core.plan import WorkflowBundle
from pressrun.core.prompt_policy import PolicyCheck, PromptPolicy, Text, text_kinds
from pressrun.steps.overlays import OverlayTexts


def check_filling(spec: CampaignSpec, contract: Contract) -> Iterator[Finding]:
    """Input files come by `inputs` alone: a file name in `params` would name a file that no job is given."""
    file = f"{spec.campaign}/campaign.yaml"
    written = [("/params", spec.params)]
    written += [(f"/overrides/{number}/params", override.params) for number, override in enumerate(spec.overrides)]
    for pointer, params in written:
        for name in params:
            if name in contract.assets:
                yield Finding(
                    code="parameter-file", message=f"{name!r} is an input file, not a parameter",
                    place=Place(file=file, pointer=f"{pointer}/{name}"), remedy="give it under `inputs`",
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
    typeset: OverlayTexts,
    models: Iterable[ModelFile],
) -> Iterator[Finding]:
    """Every finding of the policy. A text that serves many items is told once."""
    file = f"{spec.campaign}/campaign.yaml"
    check = PolicyCheck(policy, spec.policy, file)
    kinds = text_kinds(bundle.graph, bundle.bindings)
    places = {name: Place(file=file, pointer=f"/params/{name}") for name in kinds}
    told: set[tuple[tuple[str, str, str], ...]] = set()
    for item in items:
        texts = [
            Text(name, kind, item.locale, item.params[name], places[name])
            for name, kind in kinds.items()
            if isinstance(item.params.get(name), str)
        ]
        texts += typeset.of(item)
        key = tuple((text.name, text.locale, text.value) for text in texts)
        if key not in told:
            told.add(key)
            yield from check.texts(texts)
    yield from check.models(models)
    yield from check.overrides()
