"""ApproveSpend: a person agrees to the bill, only where it is above the campaign's threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from pressrun.core import notice as notices
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.core.request import RunConf
from pressrun.orchestration.errors import airflow_errors
from pressrun.orchestration.links import GalleryLink, PlanLink, task_url
from pressrun.orchestration.notifications import deliver
from pressrun.settings import settings
from pressrun.steps.approval import read_bound, record_approval
from pressrun.steps.ledger import reserve_run
from pressrun.steps.workspace import open_workspace

CLOSE = "close_run"


class ApproveSpend(ApprovalOperator):
    """Airflow's own approval, asked only where the quote needs it. Returns who agreed to how much.

    At or below the campaign's `approve_over` it succeeds at once. A dry run ends here: all but closing is skipped.
    Consent binds the quote by digest and sets its ceiling aside in the team's ledger; without room there it fails.
    More than the campaign's `limit` never comes so far; quote_run refuses it, and no person can agree to it.
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "plan", "quote")
    operator_extra_links = (PlanLink(), GalleryLink())
    ui_color = "#fbe3d9"

    def __init__(
        self, *, plan: PlanRef, quote: QuoteRef, title: str, notify: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(subject="May this be bought?", fail_on_reject=True, **kwargs)
        self.plan, self.quote, self.title, self.notify_people = plan, quote, title, tuple(notify)

    def execute(self, context: Context) -> dict[str, Any] | None:
        self.log.info("%s", notices.spend_text(self.quote))
        if RunConf.model_validate(context["dag_run"].conf or {}).dry_run:
            self.log.info("A dry run ends with its quote.")
            after = context["task"].get_flat_relatives(upstream=False)
            self.skip(context["ti"], [task for task in after if task.task_id != CLOSE])
            return None
        if not self.quote["needs_approval"]:
            return self._agreed("the campaign's threshold")
        with airflow_errors():
            _, quote = read_bound(open_workspace(settings()), self.plan, self.quote)
        besides = quote.besides()
        ti: Any = context["ti"]
        link = f"{task_url(settings(), ti.dag_id, ti.run_id, ti.task_id)}/required_actions"
        notice = notices.spend_needs_approval(
            title=self.title, run_id=ti.run_id, plan=self.plan, quote=self.quote, links={"Approve or refuse": link},
            besides=besides,
        )  # fmt: skip
        deliver(notice, to=self.notify_people)
        # Set here and not as templates: the title is other people's words and must not be rendered as Jinja.
        self.subject = f"{self.title}: may this be bought?"
        self.body = notices.spend_text(self.quote, besides)
        return super().execute(context)  # type: ignore[no-any-return]

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        user = (event.get("responded_by_user") or {}).get("name") or "nobody in time"
        try:
            super().execute_complete(context, event)
        except (HITLRejectException, HITLTimeoutError) as exc:
            raise AirflowFailException(
                f"{user} did not agree to ${self.quote['ceiling_usd']:.2f}; nothing was bought"
            ) from exc
        return self._agreed(user)

    def _agreed(self, by: str) -> dict[str, Any]:
        """Set the ceiling aside, then write down who agreed: without both no job is ordered."""
        ws = open_workspace(settings())
        with airflow_errors():
            plan, quote = read_bound(ws, self.plan, self.quote)
            reserve_run(ws, plan, quote)
            approval = record_approval(ws, self.plan, self.quote, by=by)
        return {"by": approval.by, "ceiling_usd": self.quote["ceiling_usd"]}
