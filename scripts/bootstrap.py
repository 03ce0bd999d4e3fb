"""Makes the virtual environments from the locks. Standard library only: it runs before anything is installed."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / ".pressrun" / "setup.log"
UV = "uv==0.13.8"


@dataclass(frozen=True)
class Environment:
    """One virtual environment: its folder, its lock, and whether Pressrun itself goes in."""

    folder: str
    lock: str
    package: bool

    @property
    def path(self) -> Path:
        return ROOT / self.folder

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """There and telling the lock's digest: finished."""
        return self.path / f"{self.lock}.stamp"

    @property
    def building(self) -> Path:
        """There: somebody began and did not finish, so what is inside is not to be trusted."""
        return self.path / "building"


ENVIRONMENTS = {
    "base": Environment(".venv", "requirements.txt", package=True),
    "dev": Environment(".venv", "requirements-dev.txt", package=True),
    "s3": Environment(".venv-s3", "requirements-s3.txt", package=False),
}

# What a log says, what that means, what to do. The first that is found is told.
CAUSES = (
    (r"No space left on device", "the disk is full", "free about 1 GB and run it again"),
    (r"Python\.h: No such file", "a package must be compiled and the Python headers are missing",
     "install them (Debian, Ubuntu: sudo apt-get install python3-dev; Fedora: sudo dnf install python3-devel)"),
    (r"command '[^']*(?:gcc|cc|clang|g\+\+)' failed|unable to execute '[^']*cc|No such file or directory: '(?:gcc|cc)'",
     "a package must be compiled and the compiler failed or is missing",
     "install one (Debian, Ubuntu: sudo apt-get install build-essential)"),
    (r"(?i)hash(?:es)? .*(?:mismatch|do not match)", "a downloaded package is not the one that was locked",
     "ask whoever runs your package index; do not install it"),
    (r"(?i)certificate|CERTIFICATE_VERIFY_FAILED|UnknownIssuer", "the package index's certificate is not trusted here",
     "point SSL_CERT_FILE and PIP_CERT at your organisation's certificate bundle"),
    (r"(?i)name resolution|Name or service not known|nodename nor servname|dns error|Connection refused"
     r"|Network is unreachable|No route to host|timed out|error sending request|ProxyError|tunnel|getaddrinfo"
     r"|NewConnectionError|Could not connect|client error \(Connect\)",
     "the package index cannot be reached", "check the network, or set pip's index and proxy for your network"),
    (r"(?i)No matching distribution|No solution found|not found in the package registry",
     "the package index does not have a package of the lock", "use an index that mirrors all of it"),
)  # fmt: skip


class SetupError(Exception):
    """One sentence for a person."""


def main(arguments: Sequence[str]) -> int:
    """`[--check] base|dev|s3 …`; exit code 0 where each of them is ready at the end."""
    check = "--check" in arguments
    wanted = [ENVIRONMENTS[name] for name in arguments if name in ENVIRONMENTS]
    if check:
        return 0 if all(ready(env) for env in wanted) else 1
    try:
        with alone():
            for env in wanted:
                if not ready(env):
                    make(env)
    except SetupError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def fingerprint(env: Environment) -> str:
    """What the environment was made from: the lock, this place, and the package's own metadata."""
    digest = hashlib.sha256((ROOT / env.lock).read_bytes())
    digest.update(str(ROOT).encode())
    if env.package:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        digest.update(json.dumps([project.get(key) for key in ("name", "version", "scripts")]).encode())
    return digest.hexdigest()


def ready(env: Environment) -> bool:
    """True where the environment was finished from exactly this lock. `dev` holds all of `base`."""
    larger = ENVIRONMENTS["dev"]
    levels = [env, larger] if env.folder == larger.folder else [env]
    return (
        not env.building.exists()
        and env.python.exists()
        and any(level.stamp.exists() and level.stamp.read_text() == fingerprint(level) for level in levels)
    )


def make(env: Environment) -> None:
    """Create or bring up to date. An environment that was left half made is thrown away first."""
    started = time.monotonic()
    print(f"Setting up {env.folder} from {env.lock} …", file=sys.stderr, flush=True)
    if env.building.exists() or (env.path.exists() and not works(env.python)):
        shutil.rmtree(env.path)
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")
    if not env.path.exists():
        env.path.mkdir()
        env.building.touch()
        base = getattr(sys, "_base_executable", sys.executable)
        lean = ["--without-pip"] if works(uv_for(env), "--version") else []
        run("making the environment", [base, "-m", "venv", *lean, str(env.path)])
    env.building.touch()
    for level in ENVIRONMENTS.values():
        if level.folder == env.folder:
            level.stamp.unlink(missing_ok=True)
    install(env)
    env.stamp.write_text(fingerprint(env))
    env.building.unlink()
    print(f"{env.folder} is ready ({time.monotonic() - started:.0f} s).", file=sys.stderr)


def install(env: Environment) -> None:
    """The lock, then Pressrun itself as an editable package; by uv where the index has it, else by pip."""
    python, lock = str(env.python), str(ROOT / env.lock)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    if not works(uv_for(env), "--version"):
        add_pip(env)
        with contextlib.suppress(SetupError):
            run("fetching uv", [*pip, "install", "--retries", "2", UV])
    uv = uv_for(env)
    package = ["--no-deps", "--editable", str(ROOT)]
    if works(uv, "--version"):
        fast = [str(uv), "pip", "install", "--python", python]
        with contextlib.suppress(SetupError):
            run("installing", [*fast, "--require-hashes", "--requirement", lock])
            if env.package:
                run("installing Pressrun", [*fast, *package])
            return
    # uv does not read pip's configuration: behind a company index pip may succeed where uv did not.
    add_pip(env)
    run("installing", [*pip, "install", "--retries", "2", "--require-hashes", "--requirement", lock])
    if env.package:
        run("installing Pressrun", [*pip, "install", "--retries", "2", *package])


def uv_for(env: Environment) -> Path:
    """The environment's own uv, or else that of the first environment."""
    own = env.path / "bin" / "uv"
    return own if own.exists() else ENVIRONMENTS["base"].path / "bin" / "uv"


def add_pip(env: Environment) -> None:
    if not works(env.python, "-m", "pip", "--version"):
        run("adding pip", [str(env.python), "-m", "ensurepip", "--default-pip"])


def works(program: Path, *arguments: str) -> bool:
    """True where the program starts and ends well."""
    try:
        done = subprocess.run([program, *(arguments or ("-c", ""))], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def run(what: str, command: Sequence[str]) -> None:
    """Run one step into the log; SetupError says in one sentence what is wrong and what to do."""
    with LOG.open("a") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        at = log.tell()
        # The system's certificates: many company networks have their own authority, which uv's built-in list lacks.
        environ = {"UV_SYSTEM_CERTS": "1", **os.environ}
        for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
            environ.pop(name, None)
        done = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environ, check=False)
    if done.returncode:
        with LOG.open() as log:
            log.seek(at)
            raise SetupError(sentence(what, log.read()))


def sentence(what: str, text: str) -> str:
    """Why a step failed, from its output."""
    for pattern, cause, remedy in CAUSES:
        if re.search(pattern, text):
            return f"Set-up stopped while {what}: {cause}; {remedy}. Details: {LOG}"
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")
    return f"Set-up stopped while {what}: {last[:200]}. Details: {LOG}"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Two commands started together must not build the same environment twice."""
    (ROOT / ".pressrun").mkdir(exist_ok=True)
    with (ROOT / ".pressrun" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
