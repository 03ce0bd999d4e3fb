"""/history and /api/jobs: what became of a prompt."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pressrun.proof.press import Press, empty, json_response, press_of
from pressrun.proof.routes.prompts import body_of
from pressrun.proof.views import STATUSES, all_jobs, job_of


async def get_history(request: Request) -> Response:
    entries = list(press_of(request).queue.history().items())
    limit, offset = _whole(request, "max_items"), _whole(request, "offset")
    start = offset if offset is not None and offset >= 0 else max(0, len(entries) - limit) if limit else 0
    return json_response(dict(entries[start : start + limit if limit else None]))


async def get_history_entry(request: Request) -> Response:
    return json_response(press_of(request).queue.history(request.path_params["prompt_id"]))


async def post_history(request: Request) -> Response:
    body = await body_of(request)
    queue = press_of(request).queue
    if body.get("clear"):
        queue.forget()
    for prompt_id in body.get("delete") or ():
        queue.forget(prompt_id)
    return empty()


async def get_job(request: Request) -> Response:
    job = job_of(press_of(request).queue, request.path_params["job_id"])
    return json_response({"error": "Job not found"}, 404) if job is None else json_response(job)


async def get_jobs(request: Request) -> Response:
    asked = [part.strip() for part in request.query_params.get("status", "").split(",") if part.strip()]
    unknown = [status for status in asked if status not in STATUSES]
    if unknown:
        valid = ", ".join(STATUSES)
        return json_response({"error": f"Invalid status value(s): {', '.join(unknown)}. Valid values: {valid}"}, 400)
    jobs = all_jobs(press_of(request).queue, set(asked or STATUSES))
    if request.query_params.get("sort_order") == "asc":
        jobs.reverse()
    offset, limit = max(0, _whole(request, "offset") or 0), _whole(request, "limit")
    page = jobs[offset : offset + limit] if limit is not None else jobs[offset:]
    more = offset + len(page) < len(jobs)
    pagination = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more}
    return json_response({"jobs": page, "pagination": pagination})


async def cancel_job(request: Request) -> Response:
    return json_response({"cancelled": _cancel(press_of(request), {request.path_params["job_id"]})})


async def cancel_jobs(request: Request) -> Response:
    body = await body_of(request)
    return json_response({"cancelled": _cancel(press_of(request), set(body.get("job_ids") or ()))})


def _cancel(press: Press, job_ids: set[str]) -> bool:
    """Waiting ones are dropped, the running one is interrupted; False if none was either."""
    dropped = press.queue.delete(job_ids)
    stopped = sum(press.worker.interrupt(job_id) for job_id in job_ids) > 0
    return dropped or stopped


def _whole(request: Request, name: str) -> int | None:
    try:
        return int(request.query_params[name])
    except (KeyError, ValueError):
        return None
