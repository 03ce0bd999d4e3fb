"""Root for a moment: SageMaker's output volume belongs to root, and nothing that reads a graph may.

A container that is started as another user cannot write /opt/ml/processing/output on SageMaker. So the image starts
as root, hands the few folders over that the job writes to, and gives root up for good before it reads its input.
"""

from __future__ import annotations

import os
import pwd

from pressrun.core.errors import SetupError
from pressrun.runner.places import Places

VARIABLE = "PRESSRUN_RUN_AS"


def give_up_root(places: Places, user: str) -> None:
    """Become `user`, with no way back, owning the job's own folders. Does nothing where this process is not root.

    SetupError where the user is unknown, is root itself, or root cannot be given up.
    """
    if os.geteuid() != 0:
        return
    try:
        account = pwd.getpwnam(user)
    except KeyError as exc:
        raise SetupError(f"there is no user {user!r}", where=VARIABLE, remedy="the image makes user pressrun") from exc
    if account.pw_uid == 0:
        raise SetupError("the runner must not run as root", where=VARIABLE, remedy="name another user")
    try:
        for folder in (places.output, places.work, places.message.parent):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, account.pw_uid, account.pw_gid)
        # `work` is removed and made again by every run, in this folder.
        os.chown(places.work.parent, account.pw_uid, account.pw_gid)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError as exc:
        raise SetupError(f"root cannot be given up: {exc}", where=str(places.base)) from exc
    os.environ |= {"HOME": account.pw_dir, "USER": user, "LOGNAME": user}
