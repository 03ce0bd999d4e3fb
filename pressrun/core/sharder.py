"""The sharder: items into as few jobs as meet the deadline, since every job pays a cold start, and equal by seconds.

Jobs run in waves of at most `parallel`. With w waves every job has deadline ÷ w; however the scheduler orders them,
no slot then starts its n-th job later than (n − 1) of those shares, so the deadline holds for any order.

For a given number of jobs, three cuts are tried: in order of their groups (a job keeps its model and size), longest
first (LPT), and, where few items make it possible, every way there is. The first that fits is taken.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from pressrun.core.errors import NotAllowedError

SEARCH_STEPS = 20_000
BALANCED = 1.1
"""A cut by groups is preferred to a more equal one as long as no job is longer than this share of the mean."""
_EPS = 1e-9


@dataclass(frozen=True, slots=True)
class Load:
    """One item: its number in the plan, its expected seconds, and what it should share a job with."""

    number: int
    seconds: float
    group: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the cut must keep to. Seconds; None: no such limit. `price` is USD for a second of one instance.

    `longest` is what one job may take with its cold start; passed over where a single item already takes longer.
    """

    cold: float
    parallel: int
    max_items: int
    deadline: float | None = None
    longest: float | None = None
    budget: float | None = None
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Item numbers by job, each in plan order, the longest job first.

    `makespan` is until the last job ends, `seconds` are of all instances together.
    """

    jobs: tuple[tuple[int, ...], ...]
    makespan: float
    seconds: float


class UnreachableError(NotAllowedError):
    """No number of jobs meets the limits; `remedy` is the nearest possible answer."""


def cut(loads: Sequence[Load], limits: Limits) -> Cut:
    """The smallest number of jobs within the limits. UnreachableError with the reason and the nearest answer."""
    if not loads:
        return Cut((), 0.0, 0.0)
    found = _by_count(loads, limits) if limits.deadline is None else _by_deadline(loads, limits, limits.deadline)
    if limits.budget is not None and limits.price is not None and found.seconds * limits.price > limits.budget + _EPS:
        most = _affordable(loads, limits)
        raise UnreachableError(
            f"even in {len(found.jobs)} jobs, the fewest, these items would cost ${found.seconds * limits.price:,.2f}, "
            f"and there are ${limits.budget:,.2f}",
            remedy=f"the first {most} of the {len(loads)} items would be paid for",
        )
    return found


def _by_count(loads: Sequence[Load], limits: Limits) -> Cut:
    most = _most(loads, limits)
    if most is not None:
        found = fewest(loads, room=most, most_jobs=len(loads), max_items=limits.max_items)
        if found is not None:
            return _made(found, loads, limits)
    jobs = -(-len(loads) // limits.max_items)
    return _made(_even(loads, jobs, limits.max_items), loads, limits)


def _by_deadline(loads: Sequence[Load], limits: Limits, deadline: float) -> Cut:
    waves, most = 1, _most(loads, limits)
    while deadline / waves > limits.cold and (waves - 1) * limits.parallel < len(loads):
        room = deadline / waves - limits.cold
        room = room if most is None else min(room, most)
        found = fewest(loads, room=room, most_jobs=waves * limits.parallel, max_items=limits.max_items)
        if found is not None:
            return _made(found, loads, limits)
        waves += 1
    raise _too_late(loads, limits, deadline)


def _most(loads: Sequence[Load], limits: Limits) -> float | None:
    """Seconds of work that one job may have; None where there is no such limit or no item keeps to it."""
    if limits.longest is None:
        return None
    most = limits.longest - limits.cold
    return most if most + _EPS >= max(load.seconds for load in loads) else None


def fewest(loads: Sequence[Load], *, room: float, most_jobs: int, max_items: int) -> tuple[tuple[int, ...], ...] | None:
    """The fewest jobs of at most `room` seconds (without cold start) and `max_items` items; None above `most_jobs`."""
    total, longest = sum(load.seconds for load in loads), max(load.seconds for load in loads)
    if longest > room + _EPS:
        return None
    least = max(-(-len(loads) // max_items), int((total - _EPS) // room) + 1 if total > _EPS else 1)
    for jobs in range(least, min(most_jobs, len(loads)) + 1):
        found = _even(loads, jobs, max_items)
        if _longest(found, loads) <= room + _EPS:
            return found
        searched = _search(loads, jobs, room, max_items)
        if searched is not None:
            return searched
    return None


def _even(loads: Sequence[Load], jobs: int, max_items: int) -> tuple[tuple[int, ...], ...]:
    """Exactly `jobs` jobs, nearly equal by seconds; by groups where that is as good."""
    grouped = _by_groups(loads, jobs, max_items)
    total = sum(load.seconds for load in loads)
    if grouped is not None and _longest(grouped, loads) <= BALANCED * total / jobs:
        return grouped
    spread = _longest_first(loads, jobs, max_items)
    return grouped if grouped is not None and _longest(grouped, loads) <= _longest(spread, loads) else spread


def _by_groups(loads: Sequence[Load], jobs: int, max_items: int) -> tuple[tuple[int, ...], ...] | None:
    """Cut the items, group after group, where the longest piece is shortest."""
    first: dict[str, int] = {}
    for load in loads:
        first.setdefault(load.group, len(first))
    ordered = sorted(loads, key=lambda load: (first[load.group], load.number))
    sums = [0.0, *accumulate(load.seconds for load in ordered)]
    low, high = sums[-1] / jobs, sums[-1]
    best: list[int] | None = None
    for _ in range(30):
        middle = (low + high) / 2
        bounds = _pieces(sums, middle, jobs, max_items)
        if bounds is None:
            low = middle
        else:
            best, high = bounds, middle
    if best is None:
        return None
    return tuple(tuple(sorted(load.number for load in ordered[start:end])) for start, end in pairwise(best))


def _pieces(sums: Sequence[float], room: float, jobs: int, max_items: int) -> list[int] | None:
    """Bounds of exactly `jobs` non-empty pieces of at most `room` seconds each, or None."""
    count, bounds = len(sums) - 1, [0]
    for left in range(jobs - 1, -1, -1):
        start = bounds[-1]
        end = min(bisect_right(sums, sums[start] + room + _EPS) - 1, start + max_items, count - left)
        if end <= start:
            return None
        bounds.append(end)
    return bounds if bounds[-1] == count else None


def _longest_first(loads: Sequence[Load], jobs: int, max_items: int) -> tuple[tuple[int, ...], ...]:
    """Each item, the longest first, into the job with the least to do that has room for one more."""
    waiting = [(0.0, index) for index in range(jobs)]
    members: list[list[int]] = [[] for _ in range(jobs)]
    for load in sorted(loads, key=lambda load: (-load.seconds, load.number)):
        seconds, index = heapq.heappop(waiting)
        members[index].append(load.number)
        if len(members[index]) < max_items:
            heapq.heappush(waiting, (seconds + load.seconds, index))
    return tuple(sorted(tuple(sorted(job)) for job in members if job))


def _search(loads: Sequence[Load], jobs: int, room: float, max_items: int) -> tuple[tuple[int, ...], ...] | None:
    """Every way to fill the jobs, longest item first, for at most SEARCH_STEPS steps."""
    ordered = sorted(loads, key=lambda load: -load.seconds)
    rest = [*reversed(list(accumulate(load.seconds for load in reversed(ordered)))), 0.0]
    seconds, members = [0.0] * jobs, [list[int]() for _ in range(jobs)]
    steps = 0

    def place(index: int) -> bool:
        nonlocal steps
        if index == len(ordered):
            return True
        steps += 1
        free = sum(room - taken for taken, inside in zip(seconds, members, strict=True) if len(inside) < max_items)
        if steps > SEARCH_STEPS or free + _EPS < rest[index]:
            return False
        load, tried = ordered[index], set[tuple[float, int]]()
        for job in range(jobs):
            like = (seconds[job], len(members[job]))
            if like in tried or like[1] >= max_items or like[0] + load.seconds > room + _EPS:
                continue
            tried.add(like)
            seconds[job] += load.seconds
            members[job].append(load.number)
            if place(index + 1):
                return True
            members[job].pop()
            seconds[job] = like[0]
        return False

    # Beyond this many items the search would only use up its steps, and the longest-first cut is near the best.
    if len(ordered) > 60 or not place(0):
        return None
    return tuple(sorted(tuple(sorted(job)) for job in members if job))


def _made(jobs: tuple[tuple[int, ...], ...], loads: Sequence[Load], limits: Limits) -> Cut:
    """The cut with its times, as jobs start in their order whenever a slot is free."""
    by_number = {load.number: load.seconds for load in loads}
    timed = [(limits.cold + sum(by_number[number] for number in job), job) for job in jobs]
    # The longest first ends soonest; what differs by less than a millisecond keeps the order of the plan.
    timed.sort(key=lambda found: (-round(found[0], 3), found[1][0]))
    durations = [seconds for seconds, _ in timed]
    return Cut(tuple(job for _, job in timed), makespan(durations, limits.parallel), sum(durations))


def makespan(durations: Sequence[float], parallel: int) -> float:
    """When the last job ends, where each starts in order as soon as one of `parallel` slots is free. Seconds."""
    slots = [0.0] * max(1, min(parallel, len(durations)))
    for duration in durations:
        heapq.heapreplace(slots, slots[0] + duration)
    return max(slots)


def _longest(jobs: Sequence[Sequence[int]], loads: Sequence[Load]) -> float:
    by_number = {load.number: load.seconds for load in loads}
    return max(sum(by_number[number] for number in job) for job in jobs)


def _too_late(loads: Sequence[Load], limits: Limits, deadline: float) -> UnreachableError:
    least, most = -(-len(loads) // limits.max_items), _most(loads, limits)
    if most is not None:
        found = fewest(loads, room=most, most_jobs=len(loads), max_items=limits.max_items)
        least = len(found) if found else len(loads)
    waves = -(-least // limits.parallel)
    jobs = _longest_first(loads, min(len(loads), waves * limits.parallel), limits.max_items)
    while most is not None and _longest(jobs, loads) > most + _EPS:
        waves += 1
        jobs = _longest_first(loads, min(len(loads), waves * limits.parallel), limits.max_items)
    soonest = waves * (limits.cold + _longest(jobs, loads))
    longest = limits.cold + max(load.seconds for load in loads)
    nearest = f"the earliest with {limits.parallel} at a time is {_minutes(soonest)}"
    if longest > deadline + _EPS:
        return UnreachableError(
            f"one item alone takes {_minutes(longest)} with its cold start, the deadline is {_minutes(deadline)}",
            remedy=nearest,
        )
    room = deadline - limits.cold if most is None else min(deadline - limits.cold, most)
    wide = fewest(loads, room=room, most_jobs=len(loads), max_items=limits.max_items)
    wanted = f"; {len(wide)} at a time would meet it" if wide else ""
    return UnreachableError(
        f"{len(loads)} items cannot be rendered in {_minutes(deadline)} with {limits.parallel} jobs at a time",
        remedy=nearest + wanted,
    )


def _affordable(loads: Sequence[Load], limits: Limits) -> int:
    """How many of the items, in plan order, the budget pays for."""
    money = (limits.budget or 0.0) / (limits.price or 1.0)
    count, spent = 0, 0.0
    for load in loads:
        spent += load.seconds + (limits.cold if count % limits.max_items == 0 else 0.0)
        if spent > money + _EPS:
            break
        count += 1
    return count


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.1f} min"
