"""The preflight: everything that can be wrong with the deployment, asked in seconds and before a GPU is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pressrun.core import keys
from pressrun.core.binding import graph_of
from pressrun.core.errors import PressrunError, StorageError
from pressrun.core.findings import Finding, Place
from pressrun.core.graph_checks import check_graph
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote
from pressrun.settings import Settings
from pressrun.steps.library import Library
from pressrun.steps.workspace import Workspace
from pressrun.storage.probe import Probe

_ROLE = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):role/[\w+=,.@/-]+")


def preflight(ws: Workspace, plan: RenderPlan, quote: Quote, probe: Probe | None = None) -> tuple[Finding, ...]:
    """All that is wrong, errors and warnings. Without a probe only what can be seen from here is looked at."""
    checks = (
        _buckets(ws, probe), _role(ws.settings, probe), _price(quote), _image(ws.settings, plan, probe),
        _models(ws, plan), _graphs(ws, plan), _quota(plan, quote, probe), _permissions(ws, probe),
    )  # fmt: skip
    return tuple(finding for check in checks for finding in check)


def _buckets(ws: Workspace, probe: Probe | None) -> Iterator[Finding]:
    settings = ws.settings
    for store in (ws.inputs, ws.work, ws.published, ws.lineage):
        try:
            # A listing tells a bucket that is not there from an object that is not; a HEAD does not.
            next(iter(store.list("preflight/")), None)
        except PressrunError as exc:
            yield Finding(
                code="preflight-bucket", message=f"bucket {store.bucket} cannot be read: {exc.message}",
                place=Place(file=f"s3://{store.bucket}"), remedy=exc.remedy or "deploy the buckets, check the role",
            )  # fmt: skip
    if probe is None:
        return
    try:
        for bucket in (settings.bucket_published, settings.bucket_lineage):
            if not probe.versioned(bucket):
                yield Finding(
                    code="preflight-versioning", message=f"bucket {bucket} keeps no versions",
                    place=Place(file=f"s3://{bucket}"), remedy="turn on versioning",
                )  # fmt: skip
        if settings.lineage_lock_days and not probe.locked(settings.bucket_lineage):
            yield Finding(
                code="preflight-lock", message="lineage records are to be locked, but the bucket has no Object Lock",
                place=Place(file=f"s3://{settings.bucket_lineage}"), remedy="make the bucket with Object Lock on",
            )  # fmt: skip
    except StorageError as exc:
        yield Finding(
            code="preflight-unknown", message=f"versions and locks could not be looked at: {exc.message}",
            place=Place(file=exc.where), remedy="allow s3:GetBucketVersioning and s3:GetBucketObjectLockConfiguration",
            severity="warning",
        )  # fmt: skip


def _role(settings: Settings, probe: Probe | None) -> Iterator[Finding]:
    match = _ROLE.fullmatch(settings.role_arn)
    if match is None:
        yield Finding(
            code="preflight-role", message=f"{settings.role_arn!r} is no role of IAM",
            place=Place(file="PRESSRUN_ROLE_ARN"), remedy="arn:aws:iam::ACCOUNT:role/NAME",
        )  # fmt: skip
        return
    if settings.bucket_owner and match[1] != settings.bucket_owner:
        yield Finding(
            code="preflight-role", message=f"the jobs' role is of account {match[1]}, the buckets of another",
            place=Place(file="PRESSRUN_ROLE_ARN"), remedy="use a role of the account that owns the buckets",
            severity="warning",
        )  # fmt: skip

    try:
        fault = probe.role_fault(settings.role_arn) if probe else ""
    except StorageError as exc:
        yield _unknown(
            f"the jobs' role could not be looked at: {exc.message}", "allow iam:GetRole", "PRESSRUN_ROLE_ARN"
        )
        return
    if fault:
        yield Finding(
            code="preflight-role", message=f"SageMaker cannot take the role {settings.role_arn}: {fault}",
            place=Place(file="PRESSRUN_ROLE_ARN"), remedy="deploy the role, or name the one that was deployed",
        )  # fmt: skip


def _unknown(message: str, remedy: str, file: str) -> Finding:
    return Finding(code="preflight-unknown", message=message, place=Place(file=file), remedy=remedy, severity="warning")


def _permissions(ws: Workspace, probe: Probe | None) -> Iterator[Finding]:
    """What the workers' own credentials may not do: the first job would fail with it."""
    stores = (ws.inputs, ws.work, ws.published, ws.lineage)
    try:
        denied = probe.denied(ws.settings.role_arn, [store.bucket for store in stores]) if probe else ()
    except StorageError as exc:
        yield _unknown(f"permissions could not be looked at: {exc.message}", "allow iam:SimulatePrincipalPolicy", "IAM")
        return
    for action in denied:
        yield Finding(
            code="preflight-permission", message=f"whoever runs this may not {action}", place=Place(file="IAM"),
            remedy="add it to the policy of Airflow's workers",
        )  # fmt: skip


def _price(quote: Quote) -> Iterator[Finding]:
    if quote.usd_per_hour is None and quote.to_render:
        yield Finding(
            code="preflight-price", message=f"{quote.instance_type} has no price: nothing holds this run to a limit",
            place=Place(file="policy/prices.yaml"), remedy="add it there or to PRESSRUN_PRICES", severity="warning",
        )  # fmt: skip


def _image(settings: Settings, plan: RenderPlan, probe: Probe | None) -> Iterator[Finding]:
    pools = {bundle.image for bundle in plan.workflows.values() if bundle.image}
    for image in sorted(pools or {settings.image_uri}):
        if ".dkr.ecr." in image and "@sha256:" not in image:
            yield Finding(
                code="preflight-image", message=f"image {image} is named by tag: tomorrow it may be another one",
                place=Place(file="PRESSRUN_IMAGE_URI"), remedy="name it by digest, NAME@sha256:…", severity="warning",
            )  # fmt: skip
        try:
            there = probe.has_image(image) if probe else True
        except StorageError as exc:
            yield _unknown(f"image {image} could not be looked at: {exc.message}", "allow ecr:DescribeImages", "ECR")
            continue
        if not there:
            yield Finding(
                code="preflight-image-absent", message=f"the registry has no image {image}",
                place=Place(file="PRESSRUN_IMAGE_URI"), remedy="push it, or name the digest that was pushed",
            )  # fmt: skip


def _models(ws: Workspace, plan: RenderPlan) -> Iterator[Finding]:
    for model in plan.models if plan.run.engine == "comfyui" else ():
        try:
            found = ws.inputs.head(keys.model(model.sha256, model.file_name))
        except StorageError:
            return  # the bucket's own finding says it
        if found is None or found.size != model.size:
            yield Finding(
                code="preflight-model", message=f"model {model.name!r} is not in the inputs bucket in full",
                place=Place(file=f"s3://{ws.inputs.bucket}"), remedy="run `pressrun models sync` where the file is",
            )  # fmt: skip


def _graphs(ws: Workspace, plan: RenderPlan) -> Iterator[Finding]:
    """The first item of each workflow as it would be sent, against what ComfyUI says of its nodes."""
    rules = Library(ws.settings.include).rules
    seen: set[str] = set()
    for item in plan.items:
        if item.workflow in seen or item.workflow not in plan.workflows:
            continue
        seen.add(item.workflow)
        bundle = plan.workflows[item.workflow]
        graph = graph_of(bundle, item, filename_prefix=item.item_id)
        yield from check_graph(graph, rules, file=f"workflows/{bundle.name}.api.json", outputs=bundle.outputs)


def _quota(plan: RenderPlan, quote: Quote, probe: Probe | None) -> Iterator[Finding]:
    wanted = min(plan.spec.job.parallel, max(1, quote.count("main")))
    place = Place(file=f"{plan.spec.campaign}/campaign.yaml", pointer="/job/parallel")
    try:
        allowed = probe.quota(quote.instance_type) if probe and quote.to_render else None
    except StorageError as exc:
        yield Finding(
            code="preflight-unknown", message=f"the quota of {quote.instance_type} is not known: {exc.message}",
            place=place, remedy="allow servicequotas:ListServiceQuotas", severity="warning",
        )  # fmt: skip
        return
    if allowed is not None and allowed < wanted:
        yield Finding(
            code="preflight-quota",
            message=f"this account may run {allowed} {quote.instance_type} at once for processing, not {wanted}",
            place=place, remedy="ask AWS for more in Service Quotas, or lower job.parallel",
        )  # fmt: skip
