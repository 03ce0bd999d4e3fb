"""Polling AWS from the triggerer: which errors pass by themselves, and how long to wait for that."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

# A trigger must not fire within about a second of the task's deferral: the scheduler would still see the task as
# queued, take the answer for a mismatch and fail it.
FIRST_POLL_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 60.0
_PASSING = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalError",
    "InternalFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ExpiredToken",
    "ExpiredTokenException",
}


def is_passing(error: BaseException) -> bool:
    """True for throttling, outages and lost connections; False for what only a person can mend (permission, name)."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return status >= 500 or error.response.get("Error", {}).get("Code") in _PASSING
    return isinstance(error, BotoCoreError | OSError | TimeoutError)


def backoff_seconds(failures: int, *, poll_seconds: float) -> float:
    """The wait after so many failures in a row: doubling from the poll interval, a minute at most."""
    return float(min(max(LONGEST_BACKOFF_SECONDS, poll_seconds), poll_seconds * 2**failures))
