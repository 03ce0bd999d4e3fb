"""The report of a plan: one HTML page that needs nothing else, to look at or to send to whoever pays."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape

from pressrun.core.charts import bars, curve, timeline
from pressrun.core.findings import Finding
from pressrun.core.plan import RenderPlan
from pressrun.core.plan_diff import PlanDiff
from pressrun.core.quote import Quote

MOST_SHARDS = 60
MOST_ROWS = 40
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
li.error{color:var(--bad)}dl{display:grid;grid-template-columns:max-content 1fr;gap:6px 16px;margin:0}
dd{margin:0}dt{color:var(--soft)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:3px 10px 3px 0}
ul{margin:0;padding-left:20px}
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of the report: `svg` is markup of our own making, every text in it escaped."""

    title: str
    note: str
    svg: str


def plan_report(made: RenderPlan, quote: Quote, found: tuple[Finding, ...], *, diff: PlanDiff | None = None) -> str:
    """The page as text."""
    title = escape(made.spec.title)
    drawn = "".join(
        f"<section><h2>{chart.title}</h2><p>{escape(chart.note)}</p>{chart.svg}</section>"
        for chart in plan_charts(made, quote)
    )
    facts = "".join(f"<div>{name}<b>{escape(value)}</b></div>" for name, value in _facts(made, quote, diff))
    told = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in besides(quote))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}: the plan</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><p>{escape(made.run.campaign)}, drop of {escape(made.run.drop)} · {escape(_basis(quote))}</p>"
        f'<div class="facts">{facts}</div><div class="charts">{drawn}'
        f"<section><h2>Besides</h2><dl>{told}</dl></section>{_choices(quote)}{_reused(made, quote)}"
        f"<section><h2>Findings</h2>{_findings((*found, *quote.findings))}</section></div></html>\n"
    )


def plan_charts(made: RenderPlan, quote: Quote) -> list[Chart]:
    """The charts, for a page of its own and for the run's page in the gallery."""
    parallel = quote.parallel or made.spec.job.parallel
    return [
        Chart("Items by market", "solid: to render · pale: reused", _by_axis(made, quote, "locale")),
        Chart("Items by workflow", "solid: to render · pale: reused", _by_axis(made, quote, "workflow")),
        Chart("Cost by shard", _noted("solid: expected · pale: what nine of ten stay below", quote), _by_shard(quote)),
        Chart("Timeline", _noted(f"{parallel} jobs at a time, the canary first", quote), _timeline(quote, parallel)),
        Chart(
            "Time and cost by instances", "minutes on the line, USD below; every instance pays its cold start",
            curve(time_and_cost(quote, most=max(8, parallel + 2)), chosen=parallel),
        ),
    ]  # fmt: skip


def besides(quote: Quote) -> list[tuple[str, str]]:
    """What the run takes and spares besides machines: (what, in words)."""
    told: list[tuple[str, str | None]] = [
        ("People's time", quote.review.sentence() if quote.review else None),
        ("Storage", quote.storage.sentence() if quote.storage else None),
        ("One run for all markets", quote.saving.sentence() if quote.saving else None),
        (
            "Probe",
            "nothing was measured here yet: the first job measures what a picture takes before the rest is bought"
            if quote.probe
            else None,
        ),
        ("Without a price", ", ".join(quote.not_priced) or None),
        ("Price", quote.price_source),
    ]
    return [(name, text) for name, text in told if text]


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
    return bars(rows)


def _timeline(quote: Quote, parallel: int) -> str:
    rows = [
        (f"{shard.phase} {shard.index}", shard.seconds, shard.phase == "canary") for shard in quote.shards[:MOST_SHARDS]
    ]
    return timeline(rows, parallel=parallel)


def _noted(note: str, quote: Quote) -> str:
    more = len(quote.shards) - MOST_SHARDS
    return f"{note} · the first {MOST_SHARDS} shards; {more} more are not drawn" if more > 0 else note


def _choices(quote: Quote) -> str:
    if len(quote.choices) < 2:
        return ""
    rows = "".join(
        f"<tr><td>{'▸' if one.chosen else ''}</td><td>{escape(one.instance_type)}</td><td>{one.jobs}</td>"
        f"<td>{one.wall_seconds / 60:,.0f} min</td><td>{'no price' if one.usd is None else f'${one.usd:,.2f}'}</td>"
        f"<td>{escape(one.reason)}</td></tr>"
        for one in quote.choices
    )
    head = "<tr><th></th><th>instance</th><th>jobs</th><th>done in</th><th>cost</th><th>why</th></tr>"
    return f"<section><h2>Instance types</h2><table>{head}{rows}</table></section>"


def _reused(made: RenderPlan, quote: Quote) -> str:
    """What is there already, by product: what nobody pays for again."""
    if not quote.reused:
        return ""
    ids = set(quote.reused)
    counted = Counter(item.axes.get("product", "") for item in made.items if item.item_id in ids)
    rows = [(name, 0.0, float(count), f"{count} reused") for name, count in counted.most_common(MOST_ROWS)]
    more = f"the first {MOST_ROWS} of {len(counted)} products" if len(counted) > MOST_ROWS else "by product"
    return f"<section><h2>Reused</h2><p>{more}</p>{bars(rows)}</section>"


def _basis(quote: Quote) -> str:
    return "; ".join(f"{name}: {basis.sentence()}" for name, basis in sorted(quote.cost.items())) or "nothing to render"


def _findings(found: tuple[Finding, ...]) -> str:
    if not found:
        return "<p>none</p>"
    return "<ul>" + "".join(f'<li class="{one.severity}">{escape(str(one))}</li>' for one in found) + "</ul>"
