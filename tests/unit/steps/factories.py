"""Small campaigns that have come as far as a test needs: planned, quoted, collected, reviewed. All in memory."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, PngImagePlugin

from pressrun.core import ids, keys
from pressrun.core.campaign import CampaignSpec
from pressrun.core.codec import digest_of, sha256_hex
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.item import InputAsset, Item
from pressrun.core.plan import RenderPlan, RunRequest, SourceFile, WorkflowBundle
from pressrun.core.quote import Price, Quote
from pressrun.core.quoting import make_quote
from pressrun.core.refs import CollectionRef, PlanRef, QuoteRef, ReviewRef
from pressrun.core.render import Render
from pressrun.core.result import Measurements
from pressrun.core.review import ReviewRound
from pressrun.steps.review import decide, finish_round, open_round, read_heads
from pressrun.steps.workspace import Workspace
from pressrun.storage.store import ObjectInfo, ObjectStore

CAMPAIGN = "spring_sale"
PROMPT = "a secret prompt about spring"


def make_spec(**changes: Any) -> CampaignSpec:
    """Two variants of every product × locale × size; rosa reviews all markets, kenji Japan."""
    return CampaignSpec.model_validate(
        {
            "campaign": CAMPAIGN,
            "title": "Spring sale",
            "owner": "ana",
            "workflow": "sdxl",
            "locales": ["de-DE", "ja-JP"],
            "axes": {"size": [{"id": "square"}], "variant": [{"id": "sunrise"}, {"id": "garden"}]},
            "combine": "product * locale * (size, variant)",
            "cell": ["product", "locale", "size"],
            "review": {"reviewers": {"*": ["rosa"], "ja-JP": ["rosa", "kenji"]}},
        }
        | changes
    )


def make_png(seed: int, *, size: tuple[int, int] = (48, 32)) -> bytes:
    """A picture as ComfyUI saves it, prompt and graph in its text chunks."""
    image = Image.new("RGB", size)
    image.putdata([((x * 5 + seed) % 256, (seed * 7) % 256, (x * seed) % 256) for x in range(size[0] * size[1])])
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", PROMPT)
    info.add_text("workflow", f'{{"6": {{"inputs": {{"text": "{PROMPT}"}}}}}}', zip=True)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def make_request(spec: CampaignSpec, run_id: str = "manual_1", **changes: Any) -> RunRequest:
    dag_id = ids.dag_id_of(spec.campaign)
    return RunRequest.model_validate(
        {
            "run_key": ids.run_key(deployment="local", dag_id=dag_id, run_id=run_id, conf={}),
            "deployment": "local",
            "dag_id": dag_id,
            "run_id": run_id,
            "campaign": spec.campaign,
            "drop": "2026-03-01",
            "press": "final",
            "asked_press": "final",
            "engine": "comfyui",
            "locales": spec.locales,
            "note": "first look",
            "triggered_by": "maya",
            "run_type": "manual",
            "pressrun_version": "0.1.0",
        }
        | changes
    )


def make_plan(
    spec: CampaignSpec, request: RunRequest, products: tuple[str, ...] = ("AUR-01", "AUR-02"), *, edition: int = 0
) -> RenderPlan:
    """Every product × locale × axis value. `edition` changes all render keys, as a changed graph would."""
    items = []
    axis_values = [[str(value["id"]) for value in values] for values in spec.axes.values()]
    for row, product in enumerate(products, 2):
        for locale in request.locales:
            for chosen in itertools.product(*axis_values):
                axes = {"product": product, "locale": locale, **dict(zip(spec.axes, chosen, strict=True))}
                items.append(
                    Item(
                        item_id=ids.item_id(campaign=spec.campaign, axes=axes),
                        cell_id=ids.cell_id(campaign=spec.campaign, axes={axis: axes[axis] for axis in spec.cell}),
                        axes=axes,
                        row=row,
                        workflow="sdxl",
                        params={"prompt": PROMPT, "width": 48, "height": 32, "steps": 20},
                        seed=int(digest_of(axes)[:6], 16),
                        inputs={"photo": f"{product}.png"},
                        render_key=digest_of([request.press, axes, edition]),
                    )
                )
    return RenderPlan(
        run=request,
        spec=spec,
        sources=(
            SourceFile(path=f"campaigns/{spec.campaign}/manifest.csv", sha256=sha256_hex(b"manifest")),
            SourceFile(path=f"campaigns/{spec.campaign}/translations.csv", sha256=sha256_hex(b"copy")),
        ),
        manifest_rows=len(products),
        workflows={
            "sdxl": WorkflowBundle(
                name="sdxl", graph={}, graph_sha256="1" * 64, contract_sha256="2" * 64, bindings={}, outputs=("9",)
            )
        },
        engine_class="comfyui-test",
        inputs=tuple(
            InputAsset(
                name=f"{product}.png",
                uri=f"s3://pressrun-inputs/assets/{sha256_hex(product.encode())}/{product}.png",
                sha256=sha256_hex(product.encode()),
                size=10,
                source=f"assets/{product}.png",
            )
            for product in products
        ),
        items=tuple(items),
    )


@dataclass(frozen=True)
class Run:
    """A run that was collected."""

    plan: RenderPlan
    plan_ref: PlanRef
    quote: Quote
    quote_ref: QuoteRef
    collection: Collection
    collection_ref: CollectionRef

    @property
    def run_key(self) -> str:
        return self.plan.run.run_key


def collect(
    ws: Workspace,
    plan: RenderPlan,
    *,
    failed: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
    picture: Callable[[Item], bytes] = lambda item: make_png(int(item.render_key[:6], 16)),
) -> Run:
    """Store a plan's documents and pictures as the steps before publishing leave them.

    `failed` and `refused` (by quality control) name item ids; an item that the render index knows is reused.
    """
    run_key, digest = plan.run.run_key, plan.digest()
    known = {item.render_key for item in plan.items if ws.work.head(keys.render(item.render_key))}
    prices = {"ml.g5.xlarge": Price(usd_per_hour=1.408, source="test price")}
    quote = make_quote(
        plan, plan_digest=digest, rendered_keys=frozenset(known), instance_type="ml.g5.xlarge", prices=prices
    )
    for document, key in (
        (plan.run, keys.run(run_key)),
        (plan, keys.plan(run_key, digest)),
        (quote, keys.quote(run_key, quote.digest())),
    ):
        ws.write_once(key, document)
    job = f"pr-job-{run_key}"
    items = tuple(_collected(ws, plan, item, job, item.item_id in failed, item.item_id in refused, picture)
                  for item in plan.items)  # fmt: skip
    collection = Collection(
        run_key=run_key,
        campaign=plan.run.campaign,
        plan_digest=digest,
        press=plan.run.press,
        planned=len(plan.items),
        items=items,
        jobs=(job,) if any(item.state == "rendered" for item in items) else (),
        gpu_seconds=sum(2.5 for item in items if item.state == "rendered"),
    )
    key = keys.collection(run_key, collection.digest())
    ws.write_once(key, collection)
    return Run(
        plan=plan,
        plan_ref=PlanRef(
            run_key=run_key, campaign=plan.run.campaign, press=plan.run.press, plan_digest=digest,
            plan_uri=ws.work.uri(keys.plan(run_key, digest)), planned=len(plan.items),
        ),
        quote=quote,
        quote_ref=QuoteRef(
            digest=quote.digest(), uri=ws.work.uri(keys.quote(run_key, quote.digest())), to_render=quote.to_render,
            reused=len(quote.reused), canary=0, shards=quote.count("main"), usd=quote.usd or 0.0,
            ceiling_usd=quote.ceiling_usd or 0.0, unpriced=0, needs_approval=False,
        ),
        collection=collection,
        collection_ref=CollectionRef(
            digest=collection.digest(), uri=ws.work.uri(key), round=1, settled=False,
            counts=collection.counts.model_dump(), jobs=len(collection.jobs),
        ),
    )  # fmt: skip


def _collected(
    ws: Workspace, plan: RenderPlan, item: Item, job: str, failed: bool, refused: bool, picture: Callable[[Item], bytes]
) -> CollectedItem:
    facts: dict[str, Any] = {
        "item_id": item.item_id, "cell_id": item.cell_id, "axes": item.axes, "render_key": item.render_key,
    }  # fmt: skip
    if failed:
        return CollectedItem(**facts, state="failed", reason="timeout: no answer in 300 s")
    index = keys.render(item.render_key)
    reused = ws.work.head(index) is not None
    if not reused:
        _stage(ws, plan, item, job, picture(item))
    render = ws.read(Render, index)
    state = "qc_rejected" if refused else "reused" if reused else "rendered"
    shared = {name: getattr(render, name) for name in ("sha256", "image_uri", "thumb_uri", "width", "height")}
    return CollectedItem(
        **facts, **shared, media_type="image/png", state=state, bought=not reused, reason="blank" if refused else ""
    )


def _stage(ws: Workspace, plan: RenderPlan, item: Item, job: str, data: bytes) -> None:
    image, thumb = f"{keys.staging(job)}images/{item.item_id}.png", f"{keys.staging(job)}thumbs/{item.item_id}.webp"
    with Image.open(io.BytesIO(data)) as opened:
        width, height = opened.size
        out = io.BytesIO()
        opened.save(out, "WEBP")
    ws.work.create(image, data, content_type="image/png")
    ws.work.create(thumb, out.getvalue(), content_type="image/webp")
    render = Render(
        render_key=item.render_key,
        item_id=item.item_id,
        campaign=plan.run.campaign,
        run_key=plan.run.run_key,
        job=job,
        image_uri=ws.work.uri(image),
        thumb_uri=ws.work.uri(thumb),
        sha256=sha256_hex(data),
        size=len(data),
        media_type="image/png",
        width=width,
        height=height,
        measurements=Measurements(mean=120.0, contrast=40.0, distinct=900, phash="0" * 16),
        seed=item.seed,
        params=item.params,
        params_sha256=digest_of(item.params),
        workflow=item.workflow,
        graph_sha256="1" * 64,
        contract_sha256="2" * 64,
        engine_class=plan.engine_class,
        engine_version="0.3.75",
        prompt_id="prompt-1",
        started_at="2026-03-01T08:00:00+00:00",
        seconds=2.5,
    )
    ws.write_once(keys.render(item.render_key), render)


def start_round(ws: Workspace, run: Run, number: int = 1) -> ReviewRound:
    key = keys.collection(run.run_key, run.collection.digest())
    return open_round(ws, request=run.plan.run, spec=run.plan.spec, collection_key=key, number=number)


def review(
    ws: Workspace, run: Run, states: Mapping[str, Any] | None = None, *, by: str = "rosa", number: int = 1
) -> ReviewRef:
    """Decide and finish a round as one reviewer. Unless told otherwise the first candidate of each cell is approved."""
    chosen = dict(states) if states is not None else approve_first(run)
    opened = start_round(ws, run, number)
    heads = read_heads(ws, run.plan.run.campaign)
    # Rejections first: a cell that is covered takes no second approval.
    for item in sorted(run.collection.items, key=lambda item: chosen.get(item.item_id) == "approved"):
        state = chosen.get(item.item_id)
        head = heads.get((item.item_id, item.sha256 or ""))
        if state is not None and (head is None or head.state != state):
            decide(
                ws, opened, item_id=item.item_id, sha256=item.sha256 or "", state=state, by=by, by_name="Rosa Marín",
                expected_sequence=head.sequence if head else 0, reason="off_brand" if state == "rejected" else "", note="looked at 100 %",
            )  # fmt: skip
    closed = finish_round(ws, opened, by=by)
    key = keys.round_closed(run.plan.run.campaign, run.run_key, number)
    return ReviewRef(closed_uri=ws.work.uri(key), by=closed.by, counts=closed.counts)


def approve_first(run: Run) -> dict[str, str]:
    """Item id → approved, for the first reviewable candidate of each cell."""
    first: dict[str, str] = {}
    for item in run.collection.items:
        if item.reviewable:
            first.setdefault(item.cell_id, item.item_id)
    return dict.fromkeys(first.values(), "approved")


class KilledError(Exception):
    """The process died here."""


class DyingStore:
    """A store whose process dies at a write: just after it (`after`), or just before."""

    def __init__(self, store: ObjectStore, clock: Iterator[bool], *, after: bool) -> None:
        self._store, self._clock, self._after = store, clock, after

    def __getattr__(self, name: str) -> Any:
        reached = getattr(self._store, name)
        if name not in ("put", "create", "replace", "delete"):
            return reached

        def write(*args: Any, **kwargs: Any) -> Any:
            dead = next(self._clock)
            if dead and not self._after:
                raise KilledError
            answer = reached(*args, **kwargs)
            if dead:
                raise KilledError
            return answer

        return write


def dying(ws: Workspace, *, at: int, after: bool) -> Workspace:
    """The workspace, dying at its `at`-th write (counted from 0 over all buckets)."""
    clock = (number >= at for number in itertools.count())
    stores = {name: DyingStore(getattr(ws, name), clock, after=after) for name in ("work", "published", "lineage")}
    return replace(ws, **stores)


def contents(store: ObjectStore) -> dict[str, bytes]:
    """Every object of a bucket."""
    listed: list[ObjectInfo] = list(store.list())
    return {info.key: store.get(info.key) for info in listed}
