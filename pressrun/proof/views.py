"""/api/jobs: one shape for waiting, running and finished prompts."""

from __future__ import annotations

from typing import Any

from pressrun.proof.queue import Item, PromptQueue

STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
_PREVIEWABLE = ("images", "video", "audio", "3d")


def job_of(queue: PromptQueue, prompt_id: str) -> dict[str, Any] | None:
    """The full view of one job, None if it is unknown (or was deleted while waiting)."""
    running, waiting = queue.snapshot()
    for status, items in (("in_progress", running), ("pending", waiting)):
        for item in items:
            if item.prompt_id == prompt_id:
                return _unfinished(item, status)
    entry = queue.history(prompt_id).get(prompt_id)
    if entry is None:
        return None
    workflow = {"prompt": entry["prompt"][2], "extra_data": entry["prompt"][3]}
    details = {"outputs": entry["outputs"], "execution_status": entry["status"], "workflow": workflow}
    return {**_finished(prompt_id, entry), **details}


def all_jobs(queue: PromptQueue, wanted: set[str]) -> list[dict[str, Any]]:
    """Short views of the jobs in the wanted states, the newest first."""
    running, waiting = queue.snapshot()
    jobs = [_unfinished(item, "pending") for item in waiting] + [_unfinished(item, "in_progress") for item in running]
    jobs += [_finished(prompt_id, entry) for prompt_id, entry in queue.history().items()]
    kept = [job for job in jobs if job["status"] in wanted]
    return sorted(kept, key=lambda job: (job["create_time"], job["priority"]), reverse=True)


def _unfinished(item: Item, status: str) -> dict[str, Any]:
    return {
        "id": item.prompt_id,
        "status": status,
        "priority": item.number,
        "create_time": item.extra_data.get("create_time"),
        "outputs_count": 0,
        "previewable_outputs_count": 0,
    }


def _finished(prompt_id: str, entry: dict[str, Any]) -> dict[str, Any]:
    messages = dict(entry["status"]["messages"])
    ends = [
        messages[name] for name in ("execution_success", "execution_error", "execution_interrupted") if name in messages
    ]
    status = "completed" if "execution_success" in messages else "cancelled"
    files = [
        {**file, "nodeId": node, "mediaType": kind}
        for node, shown in entry["outputs"].items()
        for kind in _PREVIEWABLE
        for file in shown.get(kind, ())
    ]
    job = {
        "id": prompt_id,
        "status": "failed" if "execution_error" in messages else status,
        "priority": entry["prompt"][0],
        "create_time": entry["prompt"][3].get("create_time"),
        "execution_start_time": messages["execution_start"]["timestamp"],
        "execution_end_time": ends[0]["timestamp"],
    }
    if "execution_error" in messages:
        job["execution_error"] = messages["execution_error"]
    job |= {"outputs_count": len(files), "previewable_outputs_count": len(files)}
    if files:
        job["preview_output"] = next((file for file in files if file["type"] == "output"), files[0])
    return job
