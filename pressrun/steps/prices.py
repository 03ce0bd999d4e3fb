"""Prices: read from include/policy/prices.yaml, overridden by settings, and refreshed from AWS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pressrun.core.errors import NotFoundError
from pressrun.core.price_list import Offers
from pressrun.core.prices import FILE, Change, PriceFile, changes_of, parse_prices, rewritten
from pressrun.core.quote import Price
from pressrun.steps.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refreshed price file that is not written yet."""

    path: Path
    text: str
    changes: list[Change]


def read_price_file(include: Path) -> PriceFile:
    """The project's price file; an empty one where there is none."""
    path = include / FILE
    return parse_prices(path.read_bytes()) if path.is_file() else PriceFile()


def read_prices(ws: Workspace) -> dict[str, Price]:
    """Prices by instance type: include/policy/prices.yaml, overridden by settings."""
    listed = read_price_file(ws.settings.include).instances
    prices = {kind: Price(usd_per_hour=entry.usd_per_hour, source=entry.told()) for kind, entry in listed.items()}
    overridden = {kind: Price(usd_per_hour=hourly, source="settings") for kind, hourly in ws.settings.prices.items()}
    return prices | overridden


def refresh(include: Path, offers: Offers, *, region: str, add: tuple[str, ...], today: date) -> Refresh:
    """The file as it would be. NotFoundError where AWS offers none of what is listed: the region is wrong then."""
    path = include / FILE
    text = path.read_text("utf-8") if path.is_file() else ""
    changes = changes_of(parse_prices(text.encode()), offers, add=add)
    if not any(change.after for change in changes):
        raise NotFoundError(
            f"no price of {region} was found for anything in the file",
            where=f"include/{FILE}",
            remedy="check the region, or the offer file",
        )
    return Refresh(path, rewritten(text, changes, region=region, today=today), changes)


def write(made: Refresh) -> None:
    """Replace the file in one step: a quote that is made meanwhile reads the old one or the new one."""
    parse_prices(made.text.encode(), file=str(made.path))
    made.path.parent.mkdir(parents=True, exist_ok=True)
    beside = made.path.with_suffix(".yaml.new")
    beside.write_text(made.text, encoding="utf-8")
    beside.replace(made.path)
