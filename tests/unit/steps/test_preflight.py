"""The preflight finds what is wrong with a deployment, and lets a good one pass without a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pressrun.cli.plan import plan_offline
from pressrun.core.errors import NotFoundError, StorageError
from pressrun.core.findings import FindingsError
from pressrun.core.model_file import ModelFile
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote
from pressrun.settings import Settings
from pressrun.steps.expand import expand_run
from pressrun.steps.preflight import preflight
from pressrun.steps.quote import quote_plan, quote_run
from pressrun.steps.workspace import Workspace, memory_workspace
from pressrun.storage.memory import MemoryStore
from pressrun.storage.probe import JOB_ACTIONS, AwsProbe, Clients


class Account:
    """What AWS would say; the answers can be spoilt one by one."""

    def __init__(
        self, *, versioned: bool = True, locked: bool = True, quota: int | None = 9, role: str = "", image: bool = True,
        denied: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self._versioned, self._locked, self._quota = versioned, locked, quota
        self._role, self._image, self._denied = role, image, denied

    def versioned(self, bucket: str) -> bool:
        return self._versioned

    def locked(self, bucket: str) -> bool:
        return self._locked

    def quota(self, instance_type: str) -> int | None:
        return self._quota

    def role_fault(self, arn: str) -> str:
        return self._role

    def has_image(self, uri: str) -> bool:
        return self._image

    def denied(self, role_arn: str, buckets: Sequence[str]) -> tuple[str, ...]:
        assert len(buckets) == 4
        return self._denied


class NoBucket(MemoryStore):
    def list(self, prefix: str = "") -> Any:
        raise NotFoundError("there is no such bucket", where="s3://gone", remedy="deploy the buckets first")


class Silent(Account):
    def versioned(self, bucket: str) -> bool:
        raise StorageError("AccessDenied", where=bucket)

    def quota(self, instance_type: str) -> int | None:
        raise StorageError("AccessDenied", where="Service Quotas")

    def role_fault(self, arn: str) -> str:
        raise StorageError("AccessDenied", where=arn)

    def has_image(self, uri: str) -> bool:
        raise StorageError("AccessDenied", where=uri)

    def denied(self, role_arn: str, buckets: Sequence[str]) -> tuple[str, ...]:
        raise StorageError("AccessDenied", where="IAM")


@pytest.fixture(scope="module")
def planned(repository: Path) -> tuple[Workspace, RenderPlan, Quote]:
    ws = memory_workspace(Settings(home=repository, lineage_lock_days=30))
    made, _ = plan_offline(ws, "spring_sale", conf={"press": "final", "limit": 30}, drop="2026-03-01")
    made = made.model_copy(update={"run": made.run.model_copy(update={"press": "final"})})
    return ws, made, quote_plan(ws, made, known=frozenset())


def errors(ws: Workspace, plan: RenderPlan, quote: Quote, account: Account | None) -> list[str]:
    return [found.code for found in preflight(ws, plan, quote, account) if found.severity == "error"]


def test_a_good_deployment_has_nothing_to_mend(planned: tuple[Workspace, RenderPlan, Quote]) -> None:
    assert errors(*planned, Account()) == []
    assert errors(*planned, None) == []
    assert errors(*planned, Account(quota=None)) == []


@pytest.mark.parametrize(
    ("account", "told"),
    [
        (Account(versioned=False), ["preflight-versioning"] * 2),
        (Account(locked=False), ["preflight-lock"]),
        (Account(quota=1), ["preflight-quota"]),
        (Account(role="there is no such role"), ["preflight-role"]),
        (Account(image=False), ["preflight-image-absent"]),
        (Account(denied=("iam:PassRole on arn:x", "s3:PutObject on arn:y")), ["preflight-permission"] * 2),
    ],
)
def test_each_fault_of_the_account_is_told(
    planned: tuple[Workspace, RenderPlan, Quote], account: Account, told: list[str]
) -> None:
    assert errors(*planned, account) == told


def test_what_may_not_be_asked_is_a_warning(planned: tuple[Workspace, RenderPlan, Quote]) -> None:
    found = preflight(*planned, Silent())
    assert [(one.code, one.severity) for one in found if one.code == "preflight-unknown"] == [
        ("preflight-unknown", "warning")
    ] * 5


def test_a_bucket_that_is_not_there_is_named(planned: tuple[Workspace, RenderPlan, Quote]) -> None:
    ws, plan, quote = planned
    (found,) = [
        one for one in preflight(replace(ws, published=NoBucket("gone")), plan, quote) if one.severity == "error"
    ]
    assert str(found) == "s3://gone: bucket gone cannot be read: there is no such bucket — deploy the buckets first"


@pytest.mark.parametrize("role", ["admin", "arn:aws:iam::12:role/x", "arn:aws:iam::123456789012:user/x"])
def test_what_is_no_role_is_told(planned: tuple[Workspace, RenderPlan, Quote], role: str) -> None:
    ws, plan, quote = planned
    wrong = replace(ws, settings=ws.settings.model_copy(update={"role_arn": role}))
    assert errors(wrong, plan, quote, None) == ["preflight-role"]


def test_a_model_that_never_came_is_told(planned: tuple[Workspace, RenderPlan, Quote]) -> None:
    ws, plan, quote = planned
    model = ModelFile.model_construct(name="sdxl.safetensors", sha256="a" * 64, size=5, file_name="sdxl.safetensors")
    final = plan.model_copy(update={"models": (model,), "run": plan.run.model_copy(update={"engine": "comfyui"})})
    assert errors(ws, final, quote, None) == ["preflight-model"]


def test_a_graph_that_comfyui_would_refuse_is_told(planned: tuple[Workspace, RenderPlan, Quote]) -> None:
    ws, plan, quote = planned
    bundle = plan.workflows["product_hero"]
    node = next(iter(bundle.graph))
    broken = bundle.model_copy(update={"graph": {**bundle.graph, node: {**bundle.graph[node], "class_type": "Gone"}}})
    assert errors(ws, plan.model_copy(update={"workflows": {"product_hero": broken}}), quote, None)


def test_unknown_prices_and_tagged_images_are_warnings(planned: tuple[Workspace, RenderPlan, Quote]) -> None:
    ws, plan, quote = planned
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/press:latest"
    tagged = replace(ws, settings=ws.settings.model_copy(update={"image_uri": image}))
    found = preflight(tagged, plan, quote.model_copy(update={"usd_per_hour": None}))
    assert {"preflight-price", "preflight-image"} <= {one.code for one in found if one.severity == "warning"}


def test_a_final_run_that_is_not_ready_ends_at_its_quote(repository: Path) -> None:
    settings = Settings(home=repository, final_engine="comfyui", comfyui_class="comfyui:test", role_arn="nobody")
    ws = memory_workspace(settings)
    ref = expand_run(
        ws, dag_id="press_spring_sale", run_id="r", run_type="manual", conf={"press": "final", "limit": 2},
        drop="2026-03-01", triggered_by="maya",
    )  # fmt: skip
    with pytest.raises(FindingsError, match="preflight: 1 finding: PRESSRUN_ROLE_ARN: 'nobody' is no role"):
        quote_run(ws, ref)


class Quotas:
    def get_paginator(self, name: str) -> Quotas:
        return self

    def paginate(self, *, ServiceCode: str) -> list[dict[str, Any]]:  # noqa: N803 - AWS's own name
        assert ServiceCode == "sagemaker"
        return [{"Quotas": [{"QuotaName": "ml.g5.xlarge for processing job usage", "Value": 3.0}]}]


def test_the_quota_is_found_by_its_name_and_zero_where_aws_lists_none() -> None:
    probe = AwsProbe(None, Clients(Quotas(), None, None, None))
    assert (probe.quota("ml.g5.xlarge"), probe.quota("ml.p4d.24xlarge")) == (3, 0)
    assert AwsProbe(None, None).quota("ml.g5.xlarge") is None


def refused(code: str) -> Any:
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": code, "Message": code}}, "Ask")


class Iam:
    """The service as far as the probe asks it. `may` are the actions that are allowed."""

    def __init__(self, *, trusted: str = "sagemaker.amazonaws.com", may: Sequence[str] = ()) -> None:
        self.trusted, self.may, self.asked = trusted, may, list[dict[str, Any]]()

    def get_role(self, *, RoleName: str) -> dict[str, Any]:  # noqa: N803 - AWS's own name
        if RoleName != "jobs":
            raise refused("NoSuchEntity")
        return {"Role": {"AssumeRolePolicyDocument": {"Statement": [{"Principal": {"Service": self.trusted}}]}}}

    def simulate_principal_policy(self, **query: Any) -> dict[str, Any]:
        self.asked.append(query)
        return {
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": "allowed" if action in self.may else "implicitDeny",
                }
                for action in query["ActionNames"]
                for resource in query["ResourceArns"]
            ]
        }


class Sts:
    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:sts::123456789012:assumed-role/airflow-workers/i-0abc"}


class Ecr:
    def describe_images(self, **query: Any) -> dict[str, Any]:
        assert (query["registryId"], query["repositoryName"]) == ("123456789012", "press/gpu")
        if query["imageIds"] != [{"imageDigest": "sha256:aa"}]:
            raise refused("ImageNotFoundException")
        return {"imageDetails": [{}]}


def account(iam: Iam) -> AwsProbe:
    return AwsProbe(None, Clients(None, iam, Ecr(), Sts()))


def test_the_jobs_role_must_be_there_and_trust_sagemaker() -> None:
    arn = "arn:aws:iam::123456789012:role/press/"
    assert account(Iam()).role_fault(arn + "jobs") == ""
    assert account(Iam()).role_fault(arn + "gone") == "there is no such role"
    assert "trust policy" in account(Iam(trusted="ec2.amazonaws.com")).role_fault(arn + "jobs")
    assert AwsProbe(None, None).role_fault(arn + "gone") == ""


def test_the_image_must_be_in_its_registry() -> None:
    registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com/press/gpu"
    found = [account(Iam()).has_image(f"{registry}{name}") for name in ("@sha256:aa", "@sha256:bb", ":latest", "")]
    assert found == [True, False, False, False]
    assert account(Iam()).has_image("pressrun-comfyui:local"), "no registry of AWS"


def test_what_the_workers_may_not_do_is_named() -> None:
    iam = Iam(may=(*JOB_ACTIONS, "s3:GetObject"))
    role = "arn:aws:iam::123456789012:role/jobs"
    assert account(iam).denied(role, ["in"]) == (f"iam:PassRole on {role}", "s3:PutObject on arn:aws:s3:::in/preflight")
    assert {query["PolicySourceArn"] for query in iam.asked} == {"arn:aws:iam::123456789012:role/airflow-workers"}


def test_a_refusal_to_answer_is_an_error_of_the_store() -> None:
    class Deaf(Iam):
        def get_role(self, *, RoleName: str) -> dict[str, Any]:  # noqa: N803 - AWS's own name
            raise refused("AccessDenied")

    with pytest.raises(StorageError, match="AccessDenied"):
        account(Deaf()).role_fault("arn:aws:iam::123456789012:role/jobs")
