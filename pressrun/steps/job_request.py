"""The CreateProcessingJob request of one shard: everything AWS is told, built in one place and without AWS code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pressrun.core import keys
from pressrun.core.codec import canonical_json
from pressrun.core.errors import InputError
from pressrun.core.item import InputAsset
from pressrun.core.job import JobRecord
from pressrun.core.model_file import ModelFile
from pressrun.core.plan import RenderPlan
from pressrun.core.shard import Shard
from pressrun.settings import Settings
from pressrun.steps.workspace import Workspace

ROOT = "/opt/ml/processing"
# AWS accepts letters, digits, white space and these in tag values; anything else fails the whole request.
_TAG_REFUSED = re.compile(r"[^\w\s.:/=+\-@]")
# Instances with local NVMe disks are encrypted by their hardware key and refuse a volume key.
_NVME = re.compile(r"ml\.(g\w*|p[45]\w*|[cmr]\d\w*d\w*)\.")


def processing_request(ws: Workspace, plan: RenderPlan, record: JobRecord, shard: Shard) -> dict[str, Any]:
    """The request for `record`'s job. The container gets no network, no credentials and no data in its environment."""
    settings, job = ws.settings, plan.spec.job
    cluster: dict[str, Any] = {
        "InstanceCount": 1,
        "InstanceType": record.instance_type,
        "VolumeSizeInGB": job.volume_gb,
    }
    output: dict[str, Any] = {"Outputs": [_output(ws, record.name)]}
    if settings.kms_key:
        output["KmsKeyId"] = settings.kms_key
        if not _NVME.match(record.instance_type):
            cluster["VolumeKmsKeyId"] = settings.kms_key
    return {
        "ProcessingJobName": record.name,
        "RoleArn": settings.role_arn,
        "AppSpecification": {"ImageUri": _image(settings, plan, shard)},
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": job.max_runtime_minutes * 60},
        "ProcessingInputs": _inputs(ws, record.name, shard),
        "ProcessingOutputConfig": output,
        "NetworkConfig": _network(settings),
        "Environment": {"PRESSRUN_SHARD_SHA256": record.shard_sha256, "PRESSRUN_ENGINE": plan.run.engine},
        "Tags": _tags(
            {
                "pressrun:campaign": plan.run.campaign,
                "pressrun:run_key": plan.run.run_key,
                "pressrun:owner": plan.spec.owner,
                "pressrun:team": plan.spec.team,
                "pressrun:phase": record.phase,
            }
        ),
    }


def _image(settings: Settings, plan: RenderPlan, shard: Shard) -> str:
    """The container image: proofs need no GPU image, a pool may have its own (include/policy/pools.yaml)."""
    if plan.run.press == "proof":
        return settings.proof_image_uri
    pools = {bundle.image for bundle in shard.workflows.values() if bundle.image}
    return pools.pop() if len(pools) == 1 else settings.image_uri


def input_manifest(ws: Workspace, inputs: tuple[InputAsset, ...]) -> bytes:
    """The ManifestFile of a shard's input files: a prefix, then keys below it. All must be in the inputs bucket."""
    prefix = ws.inputs.uri("")
    for asset in inputs:
        if not asset.uri.startswith(prefix):
            raise InputError(
                f"input file {asset.name!r} is not in the inputs bucket",
                where=asset.uri,
                remedy=f"expand_manifest copies input files to {prefix}assets/; run the plan again",
            )
    return canonical_json([{"prefix": prefix}, *dict.fromkeys(asset.uri.removeprefix(prefix) for asset in inputs)])


def models_manifest(ws: Workspace, models: tuple[ModelFile, ...]) -> bytes:
    """The ManifestFile of a shard's models. InputError where one was never brought to the inputs bucket."""
    paths = [keys.model(model.sha256, model.file_name) for model in models]
    for model, key in zip(models, paths, strict=True):
        found = ws.inputs.head(key)
        if found is None or found.size != model.size:
            raise InputError(
                f"model {model.name!r} is not in the inputs bucket"
                + (f" in full ({found.size:,} of {model.size:,} bytes)" if found else ""),
                where=ws.inputs.uri(key),
                remedy="run `pressrun models sync` where the file is",
            )
    return canonical_json([{"prefix": ws.inputs.uri("models/")}, *(path.removeprefix("models/") for path in paths)])


def _inputs(ws: Workspace, name: str, shard: Shard) -> list[dict[str, Any]]:
    inputs = [_input("shard", ws.inputs.uri(keys.shard(name)), "S3Prefix")]
    if shard.inputs:  # an empty manifest is refused by SageMaker
        inputs.append(_input("assets", ws.inputs.uri(keys.shard_inputs(name)), "ManifestFile"))
    if shard.models:
        inputs.append(_input("models", ws.inputs.uri(keys.shard_models(name)), "ManifestFile"))
    return inputs


def _input(name: str, uri: str, kind: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{ROOT}/input/{name}",
            "S3DataType": kind,
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(ws: Workspace, name: str) -> dict[str, Any]:
    # Continuous: what is rendered before a kill has left the machine already.
    return {
        "OutputName": "press",
        "S3Output": {
            "S3Uri": ws.work.uri(keys.staging(name)),
            "LocalPath": f"{ROOT}/output",
            "S3UploadMode": "Continuous",
        },
    }


def _network(settings: Settings) -> dict[str, Any]:
    network: dict[str, Any] = {"EnableNetworkIsolation": True}
    if settings.subnets:
        network["VpcConfig"] = {
            "Subnets": list(settings.subnets),
            "SecurityGroupIds": list(settings.security_groups),
        }
    return network


def _tags(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": _TAG_REFUSED.sub("_", value)[:256]} for key, value in values.items()]
