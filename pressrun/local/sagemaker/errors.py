"""What the endpoint answers when it refuses, and what ends a job as Failed."""

from __future__ import annotations

from pressrun.core.errors import JobError, PressrunError


class ApiError(PressrunError):
    """A refused API call: `code` is the service's error code, `message` its text, `status` the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class JobFailedError(JobError):
    """Ends a job as Failed; the message is its FailureReason."""


def invalid(message: str) -> ApiError:
    """A ValidationException, which is also what the service answers for a job it does not know."""
    return ApiError("ValidationException", message)
