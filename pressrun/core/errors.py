"""Every error Pressrun raises on purpose, in one small tree.

PressrunError                 message + where it is + what to do
├── InputError                something a person wrote is wrong (campaign, manifest, graph, contract, conf)
│   └── FindingsError         many of them at once, each with its place
├── NotAllowedError           the person or the deployment may not do this
├── ConflictError             somebody else was first, or the thing changed under you
├── StorageError              the object store said no
│   └── NotFoundError         there is no such object
├── EngineError               the ComfyUI-protocol server failed, or answered what it must not
├── JobError                  a SageMaker Processing job ended as it should not
└── SetupError                this machine or deployment lacks something (port, header, package, setting)
"""

from __future__ import annotations


class PressrunError(Exception):
    """An error with a place and a remedy.

    `message` says what failed, `where` the file, row, column, node or URI, `remedy` what a person can do about it.
    """

    def __init__(self, message: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.message, self.where, self.remedy = message, where, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} — {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[object, ...]:
        # Exception pickles by args only; keyword arguments would be lost between an Airflow worker and its supervisor.
        return (_rebuild, (type(self), self.message, self.where, self.remedy))


def _rebuild(kind: type[PressrunError], message: str, where: str | None, remedy: str | None) -> PressrunError:
    return kind(message, where=where, remedy=remedy)


class InputError(PressrunError):
    """Something a person wrote is wrong."""


class NotAllowedError(PressrunError):
    """The person or the deployment may not do this."""


class ConflictError(PressrunError):
    """Somebody else was first, or the thing changed since it was read."""


class StorageError(PressrunError):
    """The object store refused or failed."""


class NotFoundError(StorageError):
    """There is no such object."""


class EngineError(PressrunError):
    """The ComfyUI-protocol server failed, died, or answered what it must not."""


class JobError(PressrunError):
    """A SageMaker Processing job ended as it should not."""


class SetupError(PressrunError):
    """This machine or deployment lacks something: a port, a header, a package, a setting."""
