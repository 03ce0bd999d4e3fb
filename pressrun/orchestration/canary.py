"""ApproveCanary: a person looks at the canary's pictures before the rest is bought, where the campaign wants that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from pressrun.core import notice as notices
from pressrun.core.gate import Gate
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.orchestration.errors import airflow_errors
from pressrun.orchestration.links import GalleryLink, PlanLink, plan_url, task_url
from pressrun.orchestration.notifications import deliver
from pressrun.settings import settings
from pressrun.steps.workspace import open_workspace


class ApproveCanary(ApprovalOperator):
    """Airflow's own approval, after quality control has let the canary pass. Returns who looked at it.

    A run without a canary, because it is no larger than one, asks nobody. A refusal buys nothing more. Answers are
    written down, so that the run's page and every item that was not bought can tell why.
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "plan", "quote")
    operator_extra_links = (PlanLink(), GalleryLink())
    ui_color = "#fbe3d9"

    def __init__(
        self, *, plan: PlanRef, quote: QuoteRef, title: str, notify: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(subject="May the rest be bought?", fail_on_reject=True, **kwargs)
        self.plan, self.quote, self.title, self.notify_people = plan, quote, title, tuple(notify)

    def execute(self, context: Context) -> dict[str, Any] | None:
        if not self.quote["canary"]:
            self.log.info("This run is no larger than a canary: nobody is asked.")
            return {"by": "nobody: there was no canary"}
        ti: Any = context["ti"]
        pictures = plan_url(settings(), ti.dag_id, ti.run_id)
        answer = f"{task_url(settings(), ti.dag_id, ti.run_id, ti.task_id)}/required_actions"
        notice = notices.canary_waits(
            title=self.title, run_id=ti.run_id, plan=self.plan, quote=self.quote,
            links={"Look at the pictures": pictures, "Go on or stop": answer},
        )  # fmt: skip
        deliver(notice, to=self.notify_people)
        # Set here and not as templates: the title is other people's words and must not be rendered as Jinja.
        self.subject = f"{self.title}: may the rest be bought?"
        self.body = f"{notices.canary_text(self.quote)}\n\n[Look at the canary's pictures]({pictures})"
        return super().execute(context)  # type: ignore[no-any-return]

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        user = (event.get("responded_by_user") or {}).get("name") or "nobody in time"
        try:
            super().execute_complete(context, event)
        except (HITLRejectException, HITLTimeoutError) as exc:
            gate = self._answered(user, go_on=False)
            raise AirflowFailException(f"{gate.sentence()} — mend the cause, then trigger a new run") from exc
        self._answered(user, go_on=True)
        return {"by": user}

    def _answered(self, user: str, *, go_on: bool) -> Gate:
        # Imported here: reading a DAG file must not load picture libraries.
        from pressrun.steps.canary import answer_gate  # noqa: PLC0415

        with airflow_errors():
            return answer_gate(open_workspace(settings()), self.plan, self.quote, by=user, go_on=go_on)
