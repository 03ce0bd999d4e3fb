"""Airflow's users and permissions for the gallery: the only module that touches Airflow's (undocumented) security API.

Airflow does not authenticate plugin apps, so everything here fails closed: what cannot be asked is answered with no.
"""

from __future__ import annotations

import logging

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user, requires_access_dag
from fastapi import HTTPException, Request

from pressrun.gallery.auth import Action, User

log = logging.getLogger(__name__)

# Looking at a review is looking at a required action, deciding is answering one.
_METHODS = {"look": "GET", "decide": "PUT"}


async def current_user(request: Request) -> User:
    """The user of the bearer token, else of Airflow's session cookie; HTTPException 401 or 403 otherwise."""
    principal = await get_user(request, None, await bearer_scheme(request))
    return User(id=_identity(principal), name=str(principal.get_name()), principal=principal)


def require_access(user: User, dag_id: str, action: Action) -> bool:
    """Whether Airflow lets this user see (`look`) or answer (`decide`) required actions of this DAG."""
    method = _METHODS[action]
    try:
        check = requires_access_dag(method, DagAccessEntity.HITL_DETAIL, param_dag_id=dag_id)  # type: ignore[arg-type]
        check(Request({"type": "http", "headers": []}), user.principal)  # type: ignore[arg-type]
    except HTTPException:
        return False
    except Exception:
        log.exception("could not ask Airflow about %s in %s; refusing", action, dag_id)
        return False
    return True


def _identity(principal: object) -> str:
    """What reviewer lists name: the user name. FAB's own id is a row number, so there the unique user name is taken."""
    by_number = ".fab." in type(get_auth_manager()).__module__
    ask = "get_name" if by_number else "get_id"
    return str(getattr(principal, ask)())
