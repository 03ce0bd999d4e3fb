"""Root is given up before any input is read, and what the job writes belongs to the user it became."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pressrun.core.errors import SetupError
from pressrun.runner import privileges
from pressrun.runner.places import Places
from pressrun.runner.privileges import give_up_root

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give root up")
CHILD = """
import json, os, sys
from pathlib import Path
from pressrun.runner.places import Places
from pressrun.runner.privileges import give_up_root
places = Places(Path(sys.argv[1]))
give_up_root(places, "nobody")
places.make()
(places.output / "images" / "a.png").write_bytes(b"x")
try:
    os.setuid(0)
    back = True
except PermissionError:
    back = False
print(json.dumps({"uid": os.getuid(), "groups": os.getgroups(), "back": back, "home": os.environ["HOME"]}))
"""


@needs_root
def test_the_process_becomes_the_user_and_there_is_no_way_back(repository: Path) -> None:
    import pwd

    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        base = Path(folder) / "ml"
        (base / "processing/output").mkdir(parents=True)
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(base)], cwd="/", capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(repository)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["uid"], found["groups"], found["back"]) == (nobody.pw_uid, [], False)
        assert found["home"] == nobody.pw_dir
        assert (base / "processing/output/images/a.png").stat().st_uid == nobody.pw_uid


@needs_root
@pytest.mark.parametrize(("user", "reason"), [("no-such-user", "no user"), ("root", "must not run as root")])
def test_root_is_not_kept_by_mistake(tmp_path: Path, user: str, reason: str) -> None:
    with pytest.raises(SetupError, match=reason):
        give_up_root(Places(tmp_path), user)


def test_who_is_not_root_stays_who_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges.os, "geteuid", lambda: 1000)
    give_up_root(Places(tmp_path / "ml"), "no-such-user")
    assert not (tmp_path / "ml").exists()
