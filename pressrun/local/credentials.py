"""Keys and passwords of one local press: made once, kept in a file only the owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from pressrun.core.errors import SetupError
from pressrun.local.paths import LocalPaths

ROLES = {"maya": "admin", "rosa": "user", "kenji": "user", "vic": "viewer"}
"""Airflow roles: the campaign manager, two reviewers, a viewer. `user` is the least role that may decide on a run."""


@dataclass(frozen=True)
class Login:
    """A person who can log in to the local Airflow."""

    name: str
    role: str
    password: str


@dataclass(frozen=True)
class Secrets:
    """What Airflow's components share; `fernet_key` is 32 url-safe base64 bytes."""

    jwt_secret: str
    api_secret_key: str
    fernet_key: str
    passwords: dict[str, str]

    @classmethod
    def load_or_make(cls, paths: LocalPaths) -> Secrets:
        """Read the secrets of this press, or make them on its first start."""
        known = _read(paths.secrets)
        if known is not None and set(known.passwords) >= set(ROLES):
            return known
        made = known or cls(
            jwt_secret=secrets.token_urlsafe(48),
            api_secret_key=secrets.token_urlsafe(32),
            fernet_key=base64.urlsafe_b64encode(os.urandom(32)).decode(),
            passwords={},
        )
        made.passwords.update({name: secrets.token_urlsafe(9) for name in ROLES if name not in made.passwords})
        write_private(paths.secrets, json.dumps(asdict(made)))
        return made


def _read(path: Path) -> Secrets | None:
    try:
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as exc:
        raise SetupError(
            f"the file of generated keys cannot be read: {exc}", where=str(path), remedy="remove it and start again"
        ) from exc


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def login_of(project: Path, user: str) -> Login:
    """The login of one of the named users; SetupError if the press was never started, or there is no such user."""
    known = _read(LocalPaths(project).secrets)
    if known is None:
        raise SetupError("this press has no users yet", where=str(project), remedy="start it: pressrun local up")
    if user not in ROLES:
        raise SetupError(f"there is no user {user!r}", remedy=f"users are {', '.join(ROLES)}")
    return Login(user, ROLES[user], known.passwords[user])


def logins_of(project: Path) -> list[Login]:
    """All named users."""
    return [login_of(project, user) for user in ROLES]
