"""The operations on Processing jobs, as functions from request to answer."""

from __future__ import annotations

import threading
from typing import Any

from pressrun.local.sagemaker.book import JobBook
from pressrun.local.sagemaker.config import TOTAL_QUOTA, EndpointConfig
from pressrun.local.sagemaker.errors import ApiError, invalid
from pressrun.local.sagemaker.job import Job
from pressrun.local.sagemaker.paging import page
from pressrun.local.sagemaker.record import JobRecord
from pressrun.local.sagemaker.transfer import S3Transfer
from pressrun.local.sagemaker.validation import validate, validate_processing_job

Answer = dict[str, Any]


class ProcessingService:
    """CreateProcessingJob and its relatives. Raises ApiError for what the service would refuse."""

    def __init__(self, config: EndpointConfig, book: JobBook) -> None:
        self._config, self._book = config, book
        self._transfer = S3Transfer(config)
        self._running: dict[str, Job] = {}
        self._closing = threading.Event()
        self._operations = {
            "CreateProcessingJob": self.create,
            "DescribeProcessingJob": self.describe,
            "ListProcessingJobs": self.list_jobs,
            "StopProcessingJob": self.stop,
            "DeleteProcessingJob": self.delete,
            "AddTags": self.add_tags,
            "ListTags": self.list_tags,
            "DeleteTags": self.delete_tags,
        }

    def call(self, operation: str, request: dict[str, Any]) -> Answer:
        """Validate and run one operation by its API name."""
        if operation not in self._operations:
            raise ApiError("UnknownOperationException", f"{operation or 'no X-Amz-Target'} is not emulated")
        validate("sagemaker", operation, request)
        return self._operations[operation](request)

    def create(self, request: dict[str, Any]) -> Answer:
        validate_processing_job(request)
        name = request["ProcessingJobName"]
        with self._book.lock:
            if self._closing.is_set():
                raise ApiError("ServiceUnavailable", "The endpoint is shutting down", 503)
            known = self._book.get(name)
            if known is not None:
                raise ApiError(
                    "ResourceInUse",
                    "Job name must be unique within an AWS account and region, "
                    f"and a job with this name already exists ({known.arn})",
                )
            arn = f"arn:aws:sagemaker:{self._config.region}:{self._config.account}:processing-job/{name}"
            record = JobRecord(self._book.directory / name, arn, request)
            self._check_quota(record)
            self._book.add(record)
            job = self._running[name] = Job(record, self._config, self._transfer)
        job.start()
        return {"ProcessingJobArn": arn}

    def _check_quota(self, record: JobRecord) -> None:
        running = [other for other in self._book.all() if not other.ended]
        for kind, label in (
            (record.instance_type, f"{record.instance_type} for processing job usage"),
            (TOTAL_QUOTA, "Number of instances across all processing jobs"),
        ):
            limit = self._config.quotas.get(kind)
            used = sum(other.instance_count for other in running if kind in (TOTAL_QUOTA, other.instance_type))
            if limit is not None and used + record.instance_count > limit:
                raise ApiError(
                    "ResourceLimitExceeded",
                    f"The account-level service limit '{label}' is {limit} Instances, with current utilization of "
                    f"{used} Instances and a request delta of {record.instance_count} Instances. "
                    "Please use AWS Service Quotas to request an increase for this quota.",
                )

    def describe(self, request: dict[str, Any]) -> Answer:
        return self._get(request).describe()

    def _get(self, request: dict[str, Any]) -> JobRecord:
        record = self._book.get(request["ProcessingJobName"])
        if record is None:  # the service says ValidationException here, and Airflow's operator counts on that
            raise invalid(f"Could not find requested job with name: {request['ProcessingJobName']}")
        return record

    def stop(self, request: dict[str, Any]) -> Answer:
        record = self._get(request)
        with record.lock:
            if record.ended:
                raise invalid(f"The request was rejected because the processing job is in status {record.status}.")
            record.update(ProcessingJobStatus="Stopping")
            self._running[record.name].stop("user")
        return {}

    def delete(self, request: dict[str, Any]) -> Answer:
        with self._book.lock:
            record = self._get(request)
            if not record.ended:
                raise ApiError("ResourceInUse", f"The processing job is in status {record.status}.")
            self._running.pop(record.name, None)
            self._book.remove(record)
        return {}

    def list_jobs(self, request: dict[str, Any]) -> Answer:
        records = [record for record in self._book.all() if _matches(record, request)]
        order = request.get("SortBy", "CreationTime")
        records.sort(
            key=lambda record: {"Name": (record.name,), "Status": (record.status, record.name)}.get(
                order, (record.state["CreationTime"], record.name)
            ),
            reverse=request.get("SortOrder") == "Descending",
        )
        try:
            shown, token = page(records, request.get("NextToken"), request.get("MaxResults", 10))
        except ValueError:
            raise invalid("Invalid pagination token") from None
        answer: Answer = {"ProcessingJobSummaries": [record.summary() for record in shown]}
        return {**answer, "NextToken": token} if token else answer

    def _tagged(self, request: dict[str, Any]) -> JobRecord:
        record = self._book.by_arn(request["ResourceArn"])
        if record is None:
            raise invalid(f"Could not find resource: {request['ResourceArn']}")
        return record

    def add_tags(self, request: dict[str, Any]) -> Answer:
        record = self._tagged(request)
        with record.lock:
            record.tags.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
            record.save()
        return self.list_tags(request)

    def delete_tags(self, request: dict[str, Any]) -> Answer:
        record = self._tagged(request)
        with record.lock:
            for key in request["TagKeys"]:
                record.tags.pop(key, None)
            record.save()
        return {}

    def list_tags(self, request: dict[str, Any]) -> Answer:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self._tagged(request).tags.items()]}

    def close(self) -> None:
        """End all running jobs (they become Failed: nobody asked the service to stop them) and wait for them."""
        with self._book.lock:
            self._closing.set()
            running = [job for job in self._running.values() if not job.done.is_set()]
        for job in running:
            job.stop("shutdown")
        for job in running:
            job.done.wait(self._config.grace + 10)


def _matches(record: JobRecord, request: dict[str, Any]) -> bool:
    for field in ("CreationTime", "LastModifiedTime"):
        after, before = request.get(f"{field}After"), request.get(f"{field}Before")
        if (after is not None and record.state[field] <= after) or (
            before is not None and record.state[field] >= before
        ):
            return False
    return (
        request.get("NameContains", "") in record.name and request.get("StatusEquals", record.status) == record.status
    )
