"""A run with one shard of four items, and SageMaker as a dict of job states: what tests of jobs and operators share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pressrun.core import keys
from pressrun.core.campaign import CampaignSpec
from pressrun.core.estimate import ReviewEstimate
from pressrun.core.item import InputAsset, Item
from pressrun.core.job import JobState
from pressrun.core.plan import RenderPlan, RunRequest, WorkflowBundle
from pressrun.core.quote import Quote, ShardPlan
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.core.result import ItemError, ItemResult, OutputFile, write_segment
from pressrun.core.targets import Binding
from pressrun.settings import Settings
from pressrun.steps.jobs import JobOrder, ShardDone, ShardExhausted, next_order
from pressrun.steps.workspace import Workspace, memory_workspace

RUN_KEY = "spring-0123456789ab-cafe00"
PHOTO = InputAsset(name="shoe.png", uri="s3://pressrun-inputs/assets/ab12/shoe.png", sha256="ab12", size=3)


def _item(number: int) -> Item:
    return Item(
        item_id=f"{number:016x}",
        cell_id=f"{number:012x}",
        axes={"product": f"P{number}", "locale": "de-DE"},
        workflow="card",
        params={"prompt": "a shoe"},
        seed=number,
        inputs={"photo": PHOTO.name} if number == 0 else {},
        render_key=f"key{number:03d}",
    )


ITEMS = tuple(_item(number) for number in range(4))


def _plan(press: str = "proof", attempts: int = 3) -> RenderPlan:
    spec = CampaignSpec.model_validate(
        {
            "campaign": "spring",
            "title": "Spring",
            "owner": "maya & co <m@example.com>",
            "workflow": "card",
            "locales": ["de-DE"],
            "job": {"attempts": attempts, "max_runtime_minutes": 10},
            "review": {"reviewers": {"*": ["rosa"]}},
        }
    )
    return RenderPlan(
        run=RunRequest(
            run_key=RUN_KEY,
            deployment="local",
            dag_id="press_spring",
            run_id="manual__1",
            campaign="spring",
            drop="2026-03-01",
            press=press,  # type: ignore[arg-type]
            asked_press="proof",
            engine="proof",
            locales=("de-DE",),
            triggered_by="maya",
            run_type="manual",
            pressrun_version="0",
        ),
        spec=spec,
        sources=(),
        manifest_rows=4,
        workflows={
            "card": WorkflowBundle(
                name="card",
                graph={"1": {"class_type": "SaveImage", "inputs": {}}},
                graph_sha256="g",
                contract_sha256="c",
                bindings={"prompt": (Binding(node="1", input="text"),)},
                outputs=("1",),
            )
        },
        engine_class="proof-1",
        inputs=(PHOTO,),
        items=ITEMS,
    )


class Press:
    """A run with one shard of four items, and SageMaker as a dict of job states."""

    def __init__(
        self,
        *,
        press: str = "proof",
        attempts: int = 3,
        settings: Settings | None = None,
        ceiling: float = 1.0,
        review: ReviewEstimate | None = None,
    ) -> None:
        self.ws: Workspace = memory_workspace(settings)
        self.plan = _plan(press, attempts)
        digest = self.plan.digest()
        self.ws.write_once(keys.plan(RUN_KEY, digest), self.plan)
        self.quote = Quote(
            run_key=RUN_KEY,
            plan_digest=digest,
            planned=4,
            reused=(),
            shards=(ShardPlan(phase="main", index=0, item_ids=tuple(i.item_id for i in ITEMS), seconds=9.0),),
            instance_type="ml.m5.xlarge" if press == "proof" else "ml.g5.xlarge",
            usd_per_hour=1.0,
            price_source="test",
            seconds=9.0,
            usd=0.1,
            ceiling_usd=ceiling,
            unpriced=0,
            approve_over=25,
            limit=200,
            review=review,
        )
        self.ws.write_once(keys.quote(RUN_KEY, self.quote.digest()), self.quote)
        self.plan_ref = PlanRef(
            run_key=RUN_KEY, campaign="spring", press=press, plan_digest=digest, plan_uri="s3://x", planned=4
        )
        self.quote_ref = QuoteRef(
            digest=self.quote.digest(), uri="s3://x", to_render=4, reused=0, canary=0, shards=1,
            usd=0.1, ceiling_usd=ceiling, unpriced=0, needs_approval=self.quote.needs_approval,
        )  # fmt: skip
        self.jobs: dict[str, JobState] = {}

    def replan(self, plan: RenderPlan) -> None:
        """Go on with another plan and the same quote for it, as if it had been planned so."""
        self.plan, self.quote = plan, self.quote.model_copy(update={"plan_digest": plan.digest()})
        self.ws.write_once(keys.plan(RUN_KEY, plan.digest()), plan)
        self.ws.write_once(keys.quote(RUN_KEY, self.quote.digest()), self.quote)
        self.plan_ref = {**self.plan_ref, "plan_digest": plan.digest()}
        self.quote_ref = {**self.quote_ref, "digest": self.quote.digest()}

    def next(self) -> JobOrder | ShardDone | ShardExhausted:
        return next_order(self.ws, self.plan_ref, self.quote_ref, "main", 0, self.jobs.get)

    def order(self) -> JobOrder:
        found = self.next()
        assert isinstance(found, JobOrder)
        return found

    def create(self, order: JobOrder) -> None:
        assert order.name not in self.jobs, "a job bought twice"
        self.jobs[order.name] = JobState(order.name, "InProgress")

    def end(self, name: str, status: str, reason: str = "") -> None:
        self.jobs[name] = replace(self.jobs[name], status=status, failure_reason=reason)

    def upload(
        self,
        job: str,
        *,
        rendered: Sequence[int] = (),
        failed: Sequence[int] = (),
        too_large: Sequence[int] = (),
        spoil: Callable[[str], int] = len,
    ) -> None:
        """Stage results; `spoil` gives the stored image size from its name, to cut images short.

        `too_large` items failed because they did not fit into the instance's memory.
        """
        results: list[ItemResult] = []
        for number in rendered:
            name = f"images/{ITEMS[number].item_id}.png"
            self.ws.work.put(keys.staging(job) + name, b"x" * spoil(name))
            results.append(_result(number, size=len(name), file=name))
        results += [_result(number) for number in failed]
        results += [_result(number, larger=True) for number in too_large]
        self.ws.work.put(f"{keys.staging(job)}results/host-{len(self.jobs):06d}.jsonl", write_segment(results))


def _result(number: int, *, size: int = 0, file: str | None = None, larger: bool = False) -> ItemResult:
    out = OutputFile(node="1", file=file, sha256="s", size=size, media_type="image/png") if file else None
    return ItemResult(
        item_id=ITEMS[number].item_id,
        render_key=ITEMS[number].render_key,
        outcome="rendered" if out else "failed",
        outputs=(out,) if out else (),
        error=None if out else ItemError(kind="engine", message="boom", larger_instance=larger),
        tries=1,
        seed=number,
        params_sha256="p",
        started_at="2026-03-01T00:00:00Z",
        seconds=1.0,
        host="host",
        prompt_id="p",
        engine_version="1",
    )
