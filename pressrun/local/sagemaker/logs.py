"""The part of CloudWatch Logs that reads a job's last lines: DescribeLogStreams and GetLogEvents."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressrun.local.sagemaker.book import JobBook
from pressrun.local.sagemaker.errors import ApiError
from pressrun.local.sagemaker.paging import page
from pressrun.local.sagemaker.record import JobRecord
from pressrun.local.sagemaker.validation import validate

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
MAX_BYTES = 1024 * 1024
"""GetLogEvents answers at most this much; each event counts 26 bytes more than its text."""


@dataclass(frozen=True)
class LogStream:
    """The output of one container: `{job}/algo-1-{epoch}`."""

    name: str
    path: Path
    created_ms: int

    def events(self) -> list[tuple[int, str]]:
        """(milliseconds, line) of every line, in order."""
        data = self.path.read_bytes()
        clock = self.path.with_suffix(".times")
        noted = [line.split() for line in clock.read_text("ascii").splitlines()] if clock.exists() else []
        sizes, times = [int(size) for size, _ in noted], [int(moment) for _, moment in noted]
        found, offset = [], 0
        for line in data.splitlines(keepends=True):
            offset += len(line)
            index = bisect.bisect_left(sizes, offset)
            moment = times[min(index, len(times) - 1)] if times else self.created_ms
            found.append((moment, line.rstrip(b"\r\n").decode("utf-8", errors="replace")))
        return found


class LogsService:
    """Log groups and streams of the jobs in a book."""

    def __init__(self, book: JobBook, region: str, account: str) -> None:
        self._book = book
        self._arn = f"arn:aws:logs:{region}:{account}:log-group:{LOG_GROUP}"

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Validate and run one operation by its API name."""
        operations = {"DescribeLogStreams": self.describe_streams, "GetLogEvents": self.get_events}
        if operation not in operations:
            raise ApiError("UnknownOperationException", f"{operation} is not emulated")
        validate("logs", operation, request)
        group = request.get("logGroupName") or str(request.get("logGroupIdentifier", "")).partition(":log-group:")[2]
        if group.removesuffix(":*") != LOG_GROUP or not self._book.all():
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
        return operations[operation](request)

    def _streams(self) -> list[LogStream]:
        return [stream for record in self._book.all() for stream in streams_of(record)]

    def describe_streams(self, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.get("logStreamNamePrefix", "")
        by_time = request.get("orderBy") == "LastEventTime"
        if prefix and by_time:
            raise ApiError("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams = [stream for stream in self._streams() if stream.name.startswith(prefix)]
        streams.sort(
            key=lambda stream: (stream.path.stat().st_mtime if by_time else 0, stream.name),
            reverse=bool(request.get("descending")),
        )
        try:
            shown, token = page(streams, request.get("nextToken"), request.get("limit", 50))
        except ValueError:
            raise ApiError("InvalidParameterException", "The specified nextToken is invalid.") from None
        answer: dict[str, Any] = {"logStreams": [self._describe(stream) for stream in shown]}
        return {**answer, "nextToken": token} if token else answer

    def _describe(self, stream: LogStream) -> dict[str, Any]:
        last = int(stream.path.stat().st_mtime * 1000)
        return {
            "logStreamName": stream.name,
            "creationTime": stream.created_ms,
            "firstEventTimestamp": stream.created_ms,
            "lastEventTimestamp": last,
            "lastIngestionTime": last,
            "arn": f"{self._arn}:log-stream:{stream.name}",
        }

    def get_events(self, request: dict[str, Any]) -> dict[str, Any]:
        """Events of one stream. Without a token: the newest, or the oldest with `startFromHead`.

        Tokens are `f/N` and `b/N`, N a line number; as with the service, the end is reached when the token comes back.
        """
        stream = next((item for item in self._streams() if item.name == request["logStreamName"]), None)
        if stream is None:
            raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.")
        events, limit = stream.events(), request.get("limit", 10_000)
        token = request.get("nextToken")
        if token:
            direction, _, number = token.partition("/")
            if direction not in ("f", "b") or not number.isdigit():
                raise ApiError("InvalidParameterException", "The specified nextToken is invalid.")
            at = min(int(number), len(events))
            forward, first, last = direction == "f", at, at
        else:
            forward = bool(request.get("startFromHead"))
            first = last = 0 if forward else len(events)
        size = 0
        while last - first < limit and (last < len(events) if forward else first > 0):
            size += 26 + len(events[last if forward else first - 1][1].encode())
            if size > MAX_BYTES and last > first:
                break
            first, last = (first, last + 1) if forward else (first - 1, last)
        since, until = request.get("startTime", 0), request.get("endTime")
        return {
            "events": [
                {"timestamp": moment, "message": text, "ingestionTime": moment}
                for moment, text in events[first:last]
                if moment >= since and (until is None or moment < until)
            ],
            "nextForwardToken": f"f/{last}",
            "nextBackwardToken": f"b/{first}",
        }


def streams_of(record: JobRecord) -> list[LogStream]:
    """The streams of a job: one per container that has begun to run."""
    started = record.state.get("ProcessingStartTime")
    if started is None:
        return []
    return [
        LogStream(f"{record.name}/{host}-{int(started)}", record.log(host), int(started * 1000))
        for host in record.hosts
        if record.log(host).exists()
    ]
