"""What AWS says of the deployment itself: buckets, quotas of instances, the jobs' role, the image, permissions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from pressrun.core.errors import StorageError

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_UNLOCKED = "ObjectLockConfigurationNotFoundError"
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.[\w-]+\.amazonaws\.com(?:\.cn)?/(?P<name>[^@:]+)(?:@(?P<digest>.+)|:(?P<tag>.+))?"
)
# "sts" names a session of the role, "iam" the role itself.
_SESSION = re.compile(r"arn:(?P<part>aws[\w-]*):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.*")
JOB_ACTIONS = ("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob")


class Probe(Protocol):
    """Questions of the preflight. Each raises StorageError where AWS refuses to answer."""

    def versioned(self, bucket: str) -> bool: ...

    def locked(self, bucket: str) -> bool: ...

    def quota(self, instance_type: str) -> int | None:
        """Processing instances of this type at once; None where there is nothing to ask (a loopback endpoint)."""
        ...

    def role_fault(self, arn: str) -> str:
        """What keeps SageMaker from taking this role; empty where nothing does, or where nobody can be asked."""
        ...

    def has_image(self, uri: str) -> bool:
        """Whether the registry has this image; True where it is no registry of AWS, or nobody can be asked."""
        ...

    def denied(self, role_arn: str, buckets: Sequence[str]) -> tuple[str, ...]:
        """Actions that whoever runs this may not take: ordering jobs, handing them their role, writing the buckets."""
        ...


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3 clients of an account; None on loopback endpoints, which have no such services."""

    quotas: Any
    iam: Any
    ecr: Any
    sts: Any


class AwsProbe:
    """Asks with boto3 clients of S3 and, but on loopback endpoints, of the account."""

    def __init__(self, s3: Any, account: Clients | None, *, owner: str | None = None) -> None:
        self._s3, self._account = s3, account
        self._owner = {"ExpectedBucketOwner": owner} if owner else {}

    def versioned(self, bucket: str) -> bool:
        answer = self._ask(lambda: self._s3.get_bucket_versioning(Bucket=bucket, **self._owner), bucket)
        return bool(answer.get("Status") == "Enabled")

    def locked(self, bucket: str) -> bool:
        answer = self._ask(lambda: self._s3.get_object_lock_configuration(Bucket=bucket, **self._owner), bucket)
        return bool(answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def quota(self, instance_type: str) -> int | None:
        if self._account is None:
            return None
        wanted = f"{instance_type} for processing job usage"
        pages = self._account.quotas.get_paginator("list_service_quotas")

        def read() -> dict[str, Any]:
            for page in pages.paginate(ServiceCode="sagemaker"):
                for found in page["Quotas"]:
                    if found["QuotaName"] == wanted:
                        return {"Value": found["Value"]}
            return {"Value": 0}

        return int(self._ask(read, "Service Quotas")["Value"])

    def role_fault(self, arn: str) -> str:
        if self._account is None:
            return ""
        iam, name = self._account.iam, arn.rsplit("/", 1)[-1]
        found = self._ask(lambda: iam.get_role(RoleName=name), arn, absent="NoSuchEntity")
        if not found:
            return "there is no such role"
        trust = json.dumps(found["Role"].get("AssumeRolePolicyDocument", {}))
        return "" if "sagemaker.amazonaws.com" in trust else "its trust policy does not let SageMaker take it"

    def has_image(self, uri: str) -> bool:
        match = _ECR.fullmatch(uri)
        if self._account is None or match is None:
            return True
        wanted = {"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"] or "latest"}
        query = {"registryId": match["account"], "repositoryName": match["name"], "imageIds": [wanted]}
        ecr = self._account.ecr
        absent = "ImageNotFoundException", "RepositoryNotFoundException"
        return bool(self._ask(lambda: ecr.describe_images(**query), uri, absent=absent))

    def denied(self, role_arn: str, buckets: Sequence[str]) -> tuple[str, ...]:
        if self._account is None:
            return ()
        iam, sts = self._account.iam, self._account.sts
        who = str(self._ask(sts.get_caller_identity, "STS")["Arn"])
        if session := _SESSION.fullmatch(who):
            who = f"arn:{session['part']}:iam::{session['account']}:role/{session['role']}"
        objects = [f"arn:{who.split(':')[1]}:s3:::{bucket}/preflight" for bucket in buckets]
        asked = [
            (JOB_ACTIONS, ["*"]),
            (("iam:PassRole",), [role_arn]),
            (("s3:GetObject", "s3:PutObject"), objects),
        ]
        found: list[str] = []
        for actions, resources in asked:
            query = {"PolicySourceArn": who, "ActionNames": list(actions), "ResourceArns": resources}
            answer = self._ask(lambda query=query: iam.simulate_principal_policy(**query), "IAM")
            for one in answer.get("EvaluationResults", ()):
                if one["EvalDecision"] != "allowed":
                    where = one.get("EvalResourceName", "*")
                    found.append(one["EvalActionName"] + (f" on {where}" if where != "*" else ""))
        return tuple(found)

    def _ask(self, question: Any, where: str, *, absent: str | tuple[str, ...] = ()) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the base install has no boto3

        try:
            answer: dict[str, Any] = question()
        except ClientError as exc:
            code = exc.response.get("Error", {}).get("Code")
            if code == _UNLOCKED or code in ((absent,) if isinstance(absent, str) else absent):
                return {}
            raise StorageError(f"could not be asked: {exc}", where=where) from exc
        except BotoCoreError as exc:
            raise StorageError(f"could not be asked: {exc}", where=where) from exc
        return answer


def open_probe(*, region: str, owner: str | None = None) -> AwsProbe:
    """A probe from boto3's own chain; endpoints on loopback have no quotas to ask for."""
    import boto3  # noqa: PLC0415 - only who asks AWS needs it

    session = boto3.session.Session(region_name=region)
    s3 = session.client("s3")
    local = urlsplit(s3.meta.endpoint_url).hostname in _LOOPBACK
    if local:
        return AwsProbe(s3, None, owner=owner)
    account = Clients(*(session.client(name) for name in ("service-quotas", "iam", "ecr", "sts")))
    return AwsProbe(s3, account, owner=owner)
