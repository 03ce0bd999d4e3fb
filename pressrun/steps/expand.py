"""expand_manifest: read what people authored, make the plan, write it once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pressrun import __version__
from pressrun.comfy.identity import comfyui_class
from pressrun.core import ids, keys
from pressrun.core.brand import Brand, write_hex
from pressrun.core.campaign import AUTO, CampaignSpec
from pressrun.core.copy_table import CopyTable, scan_copy_table
from pressrun.core.errors import InputError, NotFoundError, SetupError
from pressrun.core.expand import expand
from pressrun.core.findings import Finding, FindingsError, FindingsReport, Place
from pressrun.core.gather import Gather
from pressrun.core.item import Item
from pressrun.core.knobs import changed_knobs, check_knobs, set_knobs
from pressrun.core.manifest import Manifest, scan_manifest
from pressrun.core.models import LOCK_FILE, models_needed
from pressrun.core.plan import RenderPlan, RunRequest, WorkflowBundle
from pressrun.core.pools import Pool
from pressrun.core.refs import PlanRef
from pressrun.core.request import read_conf
from pressrun.core.sheet import Sheet
from pressrun.core.templates import render_value
from pressrun.settings import Settings
from pressrun.steps.library import for_press
from pressrun.steps.overlays import OverlayTexts, tell_misfits
from pressrun.steps.policy import check_filling, check_policy
from pressrun.steps.rework import advanced_rounds, record_rounds, recorded_rounds
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace
from pressrun.typeset.text_overlay import missing_in_text_overlay


def expand_run(
    ws: Workspace,
    *,
    dag_id: str,
    run_id: str,
    run_type: str,
    conf: Mapping[str, Any],
    drop: str,
    triggered_by: str,
) -> PlanRef:
    """Make and store the plan of a run edition. Input files are staged by content.

    The plan is stored even when it has findings (validate_plan reports them); what keeps a plan from being made at
    all (unreadable campaign, manifest or graph) is stored as a findings report and raised as FindingsError.
    """
    campaign = ids.campaign_of(dag_id)
    if campaign is None:
        raise InputError(f"{dag_id!r} is not a campaign's DAG", remedy="campaign DAGs are named press_CAMPAIGN")
    run_key = ids.run_key(deployment=ws.settings.deployment, dag_id=dag_id, run_id=run_id, conf=conf)
    try:
        sources = Sources(ws, campaign)
        spec = sources.spec()
        request = make_request(
            ws.settings, spec, run_key=run_key, dag_id=dag_id, run_id=run_id, run_type=run_type, conf=conf, drop=drop,
            triggered_by=triggered_by,
        )  # fmt: skip
        plan, gather = make_plan(ws, sources, spec, request)
    except (InputError, NotFoundError) as exc:
        report = FindingsReport(findings=findings_of(exc))
        ws.write_once(keys.findings(run_key, report.digest()), report)
        raise
    for document, key in (
        (plan.run, keys.run(run_key)),
        (FindingsReport(findings=gather.findings, left_out=gather.left_out), keys.findings(run_key, plan.digest())),
        (plan, keys.plan(run_key, plan.digest())),
    ):
        ws.write_once(key, document)
    if request.rework:
        record_rounds(ws, campaign, plan.items, run_key=run_key)
    return PlanRef(
        run_key=run_key,
        campaign=campaign,
        press=request.press,
        plan_digest=plan.digest(),
        plan_uri=ws.work.uri(keys.plan(run_key, plan.digest())),
        planned=len(plan.items),
    )


def make_request(
    settings: Settings,
    spec: CampaignSpec,
    *,
    run_key: str,
    dag_id: str,
    run_id: str,
    run_type: str,
    conf: Mapping[str, Any],
    drop: str,
    triggered_by: str,
) -> RunRequest:
    """The run's request, with conf checked. Where no final engine is set up, a final run prints proofs and says so."""
    chosen = read_conf(conf, spec)
    press = chosen.press_for(run_type)
    engine = settings.final_engine if press == "final" else "proof"
    return RunRequest(
        run_key=run_key,
        deployment=settings.deployment,
        dag_id=dag_id,
        run_id=run_id,
        campaign=spec.campaign,
        drop=drop,
        press="proof" if engine == "proof" else press,
        asked_press=press,
        engine=engine,
        locales=tuple(locale for locale in spec.locales if chosen.locales is None or locale in chosen.locales),
        limit=chosen.limit,
        note=chosen.note or "",
        dry_run=chosen.dry_run,
        rework=chosen.rework,
        knobs=chosen.knobs,
        triggered_by=triggered_by,
        run_type=run_type,
        pressrun_version=__version__,
    )


def make_plan(ws: Workspace, sources: Sources, spec: CampaignSpec, request: RunRequest) -> tuple[RenderPlan, Gather]:
    """The plan and its findings. Raises only where nothing can be expanded at all."""
    gather = Gather()
    sheet, request = read_sheet(ws, sources, spec, request, gather)
    spec, bundle, locked = sheet.spec, sheet.bundle, sources.models()
    items: list[Item] = expand(sheet, request, resolve=sources.asset, typeset=sources.typeset, gather=gather)
    if request.rework and (again := advanced_rounds(ws, spec.campaign, items)):
        reworked = replace(sheet, rounds={**sheet.rounds, **again})
        items = expand(reworked, request, resolve=sources.asset, typeset=sources.typeset, gather=gather)
    tell_misfits(bundle, spec, items, overlays=sources.overlays, sizes=sources.sizes, gather=gather)
    needed = models_needed({bundle.name: bundle}, items)
    if request.engine == "comfyui":
        tell_unlocked(needed - locked.keys(), f"workflows/{bundle.name}.api.json", gather)
        tell_boxes(bundle, items, sheet.manifest_file, gather)
    gather.add(
        check_policy(
            sources.library.prompt_policy, spec, bundle, items,
            typeset=OverlayTexts(spec, sources.overlays, sheet.copy_table),
            models=[model for name, model in sorted(locked.items()) if name in needed],
        )
    )  # fmt: skip
    plan = RenderPlan(
        run=request,
        spec=spec,
        sources=tuple(sorted(sources.used.values(), key=lambda source: source.path)),
        manifest_rows=len(sheet.manifest.rows),
        workflows={bundle.name: bundle},
        engine_class=sheet.engine_class,
        inputs=sources.stage() if not gather.failed else (),
        models=tuple(model for name, model in sorted(locked.items()) if name in needed),
        items=tuple(items),
    )
    return plan, gather


def read_sheet(
    ws: Workspace, sources: Sources, spec: CampaignSpec, request: RunRequest, gather: Gather
) -> tuple[Sheet, RunRequest]:
    """What expansion reads, and the request with the knobs that change something. InputError for a missing file."""
    found, bundle, contract = sources.library.loaded(spec.workflow)
    gather.add(for_press(found, request.press))
    gather.add(check_filling(spec, contract))
    gather.add(check_knobs(spec, contract))
    request = request.model_copy(update={"knobs": changed_knobs(spec, contract, request.knobs)})
    spec, refused = set_knobs(spec, contract, request.knobs)
    gather.add(refused)
    spec = on_brand(on_pool(spec, sources.library.pool(bundle.name)), sources.brand)
    manifest_file = str(render_value(spec.manifest.location, {"drop": request.drop}, where="/manifest/location"))
    sheet = Sheet(
        spec=spec,
        manifest=_manifest(sources, spec, manifest_file, request, gather),
        manifest_file=f"{spec.campaign}/{manifest_file}",
        copy_table=_copy_table(sources, spec, gather),
        contract=contract,
        bundle=bundle,
        models={name: model.sha256 for name, model in sources.models().items()},
        engine_class=engine_class(ws.settings, request.engine),
        rounds=recorded_rounds(ws, spec.campaign),
    )
    if request.asked_press != request.press:
        gather.say(
            "press-proof", "the final press is not set up here: this run prints proofs", Place(),
            "set PRESSRUN_FINAL_ENGINE=comfyui where GPU jobs can run", severity="warning",
        )  # fmt: skip
    return sheet, request


def tell_unlocked(names: Iterable[str], file: str, gather: Gather) -> None:
    """A finding for each model that a final job would have to load without anybody knowing its bytes."""
    for name in sorted(names):
        gather.say(
            "model-unlocked", f"model {name!r} is not in {LOCK_FILE}", Place(file=file),
            "pressrun models add FILE --licence … --source …, then pressrun models sync",
        )  # fmt: skip


def tell_boxes(bundle: WorkflowBundle, items: Iterable[Item], file: str, gather: Gather) -> None:
    """A warning for each text that ComfyUI's TextOverlay would write with boxes in it; a proof draws them all."""
    bound = [
        (parameter, target.node)
        for parameter, targets in bundle.bindings.items()
        for target in targets
        if target.input == "text" and bundle.graph[target.node]["class_type"] == "TextOverlay"
    ]
    for item in items:
        for parameter, node in bound:
            text = item.params.get(parameter)
            if isinstance(text, str) and (missing := missing_in_text_overlay(text)):
                locale = item.axes.get("locale", "every locale")
                gather.say(
                    "overlay-glyph", f"TextOverlay has no glyph for {' '.join(missing)} of {parameter!r} ({locale})",
                    Place(file=file, row=item.row, node=node),
                    "bring this text in as a `typeset:` input, which has fonts for every locale", severity="warning",
                )  # fmt: skip


def engine_class(settings: Settings, engine: str) -> str:
    """What of the engine decides pixels: part of every render key."""
    if engine == "proof":
        from pressrun.proof.drawing import engine_class as proof_class  # noqa: PLC0415 - loads fonts; only planners need it

        return proof_class()
    if settings.comfyui_class is not None:
        return settings.comfyui_class
    if settings.comfyui_home is not None:
        return comfyui_class(settings.comfyui_home)
    raise SetupError(
        "the engine class of the ComfyUI container is not known",
        remedy="set PRESSRUN_COMFYUI_CLASS to its commit, custom-node lock and dtype, or COMFYUI_HOME to a local one",
    )


def on_pool(spec: CampaignSpec, pool: Pool | None) -> CampaignSpec:
    """The campaign with its workflow's pool filled in; what the campaign names stays, `auto` is the pool's list."""
    if spec.job.instance_type == AUTO:
        if pool is None:
            raise InputError(
                f"`{AUTO}` asks the workflow's pool, and there are no pools",
                where=f"{spec.campaign}/campaign.yaml, /job/instance_type",
                remedy="add include/policy/pools.yaml, or name the instance types",
            )
        job = spec.job.model_copy(update={"instance_type": pool.instance_types})
    elif pool is None or "instance_type" in spec.job.model_fields_set:
        return spec
    else:
        job = spec.job.model_copy(update={"instance_type": pool.instance_type})
    return spec.model_copy(update={"job": job})


def on_brand(spec: CampaignSpec, brand: Callable[[], Brand]) -> CampaignSpec:
    """The campaign with the colours that pictures are judged by as #rrggbb: what is agreed to no later edit changes."""
    palette = spec.quality.palette
    if palette is None:
        return spec
    known = brand()
    colours = tuple(write_hex(known.colour(name)) for name in palette.colours or known.colours)
    quality = spec.quality.model_copy(update={"palette": palette.model_copy(update={"colours": colours})})
    return spec.model_copy(update={"quality": quality})


def findings_of(exc: Exception) -> tuple[Finding, ...]:
    """An error as findings, for the page and the notification."""
    if isinstance(exc, FindingsError):
        return exc.findings
    where = getattr(exc, "where", None)
    return (
        Finding(
            code="input",
            message=getattr(exc, "message", str(exc)),
            place=Place(file=where),
            remedy=getattr(exc, "remedy", None) or "",
        ),
    )


def _manifest(sources: Sources, spec: CampaignSpec, location: str, request: RunRequest, gather: Gather) -> Manifest:
    try:
        data = sources.file(location)
    except NotFoundError as exc:
        dated = "{{" in spec.manifest.location
        what = f"there is no manifest for the drop of {request.drop}" if dated else "there is no manifest"
        raise InputError(what, where=f"{spec.campaign}/{location}", remedy="add that file to the campaign") from exc
    file = f"{spec.campaign}/{location}"
    manifest, findings = scan_manifest(data, file=file, spec=spec.manifest)
    gather.add(findings)
    return manifest


def _copy_table(sources: Sources, spec: CampaignSpec, gather: Gather) -> CopyTable | None:
    if spec.copy_table is None:
        return None
    file = f"{spec.campaign}/{spec.copy_table}"
    try:
        data = sources.file(spec.copy_table)
    except NotFoundError:
        gather.say("copy-missing", "the copy table is not there", Place(file=file), "add it, or remove `copy:`")
        return None
    table, findings = scan_copy_table(data, file=file)
    gather.add(findings)
    return table
