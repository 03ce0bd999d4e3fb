"""The report of a plan: one HTML page that needs nothing else, to look at or to send to whoever pays."""

from __future__ import annotations

from collections import Counter
from html import escape

from pressrun.cli.charts import bars, curve, timeline
from pressrun.core.findings import Finding
from pressrun.core.plan import RenderPlan
from pressrun.core.plan_diff import PlanDiff
from pressrun.core.quote import Quote

MOST_SHARDS = 60
_STYLE = """
:root{color-scheme:light dark;--ink:#22252b;--soft:#6b7280;--paper:#fff;--a:#4f46e5;--b:#a5b4fc;--bad:#b91c1c}
:root{--line:#e5e7eb}
@media(prefers-color-scheme:dark){:root{--ink:#e7e9ee;--soft:#9aa3b2;--paper:#15171c;--a:#818cf8;--b:#3f4486;
--bad:#f87171;--line:#2b2f38}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;
max-width:1360px;padding:24px}
h1{font-size:26px;margin:0}h2{font-size:16px;margin:0 0 8px}p{margin:4px 0;color:var(--soft)}
.facts,.charts{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));margin:20px 0}
.charts{grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr))}
section,.facts div{border:1px solid var(--line);border-radius:10px;padding:14px}
.facts b{display:block;font-size:22px}svg{width:100%;height:auto}text{font-size:12px;fill:var(--ink)}
.n{fill:var(--soft)}.a{fill:var(--a)}.b{fill:var(--b)}.l{fill:none;stroke:var(--a);stroke-width:2}
li.error{color:var(--bad)}ul{margin:0;padding-left:20px}
"""


def plan_report(made: RenderPlan, quote: Quote, found: tuple[Finding, ...], *, diff: PlanDiff | None = None) -> str:
    """The page as text."""
    title = escape(made.spec.title)
    charts = [
        ("Items by market", "solid: to render · pale: reused", _by_axis(made, quote, "locale")),
        ("Items by workflow", "solid: to render · pale: reused", _by_axis(made, quote, "workflow")),
        ("Cost by shard", "solid: expected · pale: what nine of ten stay below", _by_shard(quote)),
        ("Timeline", f"{made.spec.job.parallel} jobs at a time, the canary first", _timeline(made, quote)),
        (
            "Time and cost by instances", "minutes on the line, USD below; every instance pays its cold start",
            curve(time_and_cost(quote, most=max(8, made.spec.job.parallel + 2)), chosen=made.spec.job.parallel),
        ),
    ]  # fmt: skip
    sections = "".join(f"<section><h2>{name}</h2><p>{note}</p>{chart}</section>" for name, note, chart in charts)
    facts = "".join(f"<div>{name}<b>{escape(value)}</b></div>" for name, value in _facts(made, quote, diff))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}: the plan</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><p>{escape(made.run.campaign)}, drop of {escape(made.run.drop)} · {escape(_basis(quote))}</p>"
        f'<div class="facts">{facts}</div><div class="charts">{sections}'
        f"<section><h2>Findings</h2>{_findings((*found, *quote.findings))}</section></div></html>\n"
    )


def time_and_cost(quote: Quote, *, most: int) -> list[tuple[int, float, float | None]]:
    """For 1 to `most` instances at once with one job each: (instances, seconds until the end, USD)."""
    main = [shard for shard in quote.shards if shard.phase == "main"]
    if not main:
        return []
    cold = max(basis.cold_p50 for basis in quote.cost.values())
    before = sum(shard.seconds for shard in quote.shards if shard.phase == "canary")
    work = sum(shard.seconds - cold for shard in main)
    items = sum(len(shard.item_ids) for shard in main)
    points: list[tuple[int, float, float | None]] = []
    for instances in range(1, min(most, items) + 1):
        paid = before + instances * cold + work
        usd = None if quote.usd_per_hour is None else paid / 3600 * quote.usd_per_hour
        points.append((instances, before + cold + work / instances, usd))
    return points


def _facts(made: RenderPlan, quote: Quote, diff: PlanDiff | None) -> list[tuple[str, str]]:
    usd = "no price" if quote.usd is None else f"${quote.usd:,.2f}"
    p90 = "no price" if quote.usd_p90 is None else f"${quote.usd_p90:,.2f}"
    most = "no price" if quote.ceiling_usd is None else f"${quote.ceiling_usd:,.2f}"
    facts = [
        ("Planned", f"{quote.planned:,} in {len(made.cells):,} cells"),
        ("To render", f"{quote.to_render:,}"),
        ("Reused", f"{len(quote.reused):,}"),
        ("Jobs", f"{len(quote.shards)} × {quote.instance_type}"),
        ("Expected", f"{usd} · {quote.wall_seconds / 60:,.0f} min"),
        ("Nine of ten below", f"{p90} · {quote.wall_p90 / 60:,.0f} min"),
        ("Never more than", most),
    ]
    return [*facts, ("Against the other plan", diff.sentence())] if diff else facts


def _by_axis(made: RenderPlan, quote: Quote, axis: str) -> str:
    bought = {item_id for shard in quote.shards for item_id in shard.item_ids}
    new: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for item in made.items:
        name = item.workflow if axis == "workflow" else item.axes[axis]
        every[name] += 1
        new[name] += item.item_id in bought
    return bars([(name, new[name], count - new[name], f"{new[name]} of {count}") for name, count in every.items()])


def _by_shard(quote: Quote) -> str:
    hourly, rows = quote.usd_per_hour, []
    for shard in quote.shards[:MOST_SHARDS]:
        more = max(0.0, shard.seconds_p90 - shard.seconds)
        told = f"{shard.seconds / 60:,.1f} min" if hourly is None else f"${shard.seconds / 3600 * hourly:,.3f}"
        rows.append((f"{shard.phase} {shard.index} ({len(shard.item_ids)})", shard.seconds, more, told))
    return bars(rows) + _left_out(quote)


def _timeline(made: RenderPlan, quote: Quote) -> str:
    rows = [
        (f"{shard.phase} {shard.index}", shard.seconds, shard.phase == "canary") for shard in quote.shards[:MOST_SHARDS]
    ]
    return timeline(rows, parallel=made.spec.job.parallel) + _left_out(quote)


def _left_out(quote: Quote) -> str:
    more = len(quote.shards) - MOST_SHARDS
    return f"<p>and {more} more shards</p>" if more > 0 else ""


def _basis(quote: Quote) -> str:
    return "; ".join(f"{name}: {basis.sentence()}" for name, basis in sorted(quote.cost.items())) or "nothing to render"


def _findings(found: tuple[Finding, ...]) -> str:
    if not found:
        return "<p>none</p>"
    return "<ul>" + "".join(f'<li class="{one.severity}">{escape(str(one))}</li>' for one in found) + "</ul>"
