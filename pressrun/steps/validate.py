"""validate_plan: all findings of a plan in one pass; errors stop the run before anything is paid for."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.findings import FindingsError, FindingsReport
from pressrun.core.refs import FindingsRef, PlanRef
from pressrun.steps.workspace import Workspace


def validate_plan(ws: Workspace, plan: PlanRef) -> FindingsRef:
    """Report the plan's findings. FindingsError carries all of them where at least one is an error."""
    key = keys.findings(plan["run_key"], plan["plan_digest"])
    report = ws.read(FindingsReport, key)
    if report.errors:
        raise FindingsError.of(report.errors, subject=plan["campaign"])
    return FindingsRef(uri=ws.work.uri(key), errors=0, warnings=len(report.findings))
