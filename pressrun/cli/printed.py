"""What is printed of any plan, large or not. What people wrote is printed as it is and never read as rich's markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.markup import escape

from pressrun.core.cost import CostBasis
from pressrun.core.findings import Finding
from pressrun.core.large_plan import Bill
from pressrun.core.quote import Quote


def print_price(console: Console, told: Bill | Quote, costs: Mapping[str, CostBasis]) -> None:
    """Where the estimate is from, and what it comes to; nothing is made up where there is no price."""
    for name, basis in sorted(costs.items()):
        console.print(f"estimate for {escape(name)}: {escape(basis.sentence())}", highlight=False)
    if told.usd is None:
        console.print(
            f"[yellow]{told.to_render:,} items have no price: {escape(told.instance_type)} is not in prices.yaml[/]"
        )
        return
    console.print(
        f"about [bold]${told.usd:,.2f}[/], nine of ten below ${told.usd_p90:,.2f}, never more than "
        f"${told.ceiling_usd:,.2f} (${told.usd_per_hour}/h: {escape(told.price_source)})"
    )


def print_findings(console: Console, found: Iterable[Finding]) -> None:
    """A line each, errors red."""
    for finding in found:
        colour = "red" if finding.severity == "error" else "yellow"
        console.print(f"  [{colour}]{finding.severity}[/] {escape(str(finding))}", highlight=False)
