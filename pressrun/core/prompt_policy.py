"""Prompt policy: which words may go to a model or onto a picture, in which market. include/policy/prompts.yaml."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field

from pressrun.core.authored import read_authored
from pressrun.core.errors import InputError
from pressrun.core.findings import Finding, Place, Severity
from pressrun.core.folding import contains, fold_in, script_of
from pressrun.core.graph import Graph, is_link
from pressrun.core.model_file import ModelFile
from pressrun.core.policy_spec import People, PolicyOverride, PolicySpec, Use
from pressrun.core.targets import Binding

TextKind = Literal["prompt", "negative", "copy"]
# How a text is read that is several things.
_STRICTEST_FIRST: tuple[TextKind, ...] = ("copy", "prompt", "negative")


class _Part(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class Rule(_Part):
    """Terms that must not, or one of which must, be in texts of some kinds in some markets."""

    id: str
    reason: str
    markets: tuple[str, ...] = ("*",)
    kinds: tuple[TextKind, ...] = Field(("prompt", "copy"), alias="in")
    blocked: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    unless_people: tuple[People, ...] = ()
    severity: Severity = "error"
    override: bool = True

    def holds_in(self, locale: str) -> bool:
        """Markets are locales ("de-DE"), languages ("de") or "*"."""
        return any(market in ("*", locale, locale.partition("-")[0]) for market in self.markets)


class Licence(_Part):
    """What a model licence allows, in our words; `notice` is what must be said with it."""

    uses: tuple[Use, ...]
    notice: str = ""


class PromptPolicy(_Part):
    """The whole policy. Licences are named as in models.lock."""

    max_length: dict[TextKind, int] = {}
    rules: tuple[Rule, ...] = ()
    licences: dict[str, Licence] = {}


# Verdicts on texts that are kept, since most texts serve several markets.
_REMEMBERED = 100_000


@dataclass(frozen=True)
class Text:
    """One text as it will be used, after templates were filled in."""

    name: str
    kind: TextKind
    locale: str
    value: str
    place: Place


@dataclass
class PolicyCheck:
    """Holds texts against the policy, with a campaign's overrides; remembers which of them were needed."""

    policy: PromptPolicy
    spec: PolicySpec
    file: str
    used: set[str] = field(default_factory=set)
    _rules: dict[tuple[TextKind, str], tuple[int, ...]] = field(default_factory=dict)
    _found_in: dict[tuple[str, str, tuple[int, ...]], list[tuple[Rule, str]]] = field(default_factory=dict)

    @functools.cached_property
    def _requiring(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.policy.rules if rule.required)

    def texts(self, texts: Iterable[Text]) -> Iterator[Finding]:
        """Findings of the texts of one item: blocked words of each, required words of all together."""
        everything = list(texts)
        for text in everything:
            yield from self.text(text)
        for rule in self._requiring:
            mine = [text for text in everything if text.kind in rule.kinds and text.value.strip()]
            if not mine or not rule.holds_in(mine[0].locale):
                continue
            folded = [_folded(text.value, text.locale) for text in mine]
            wanted = [_folded(term, mine[0].locale) for term in rule.required]
            if not any(contains(one, term) for one in folded for term in wanted):
                shown = " or ".join(f"“{term}”" for term in rule.required)
                yield self._found(
                    rule, mine[0], f"{mine[0].locale}: {shown} must be said and is in none of "
                    f"{', '.join(text.name for text in mine)}",
                )  # fmt: skip

    def text(self, text: Text) -> Iterator[Finding]:
        """Findings of one text by itself: its length and the blocked words in it."""
        limit = self.policy.max_length.get(text.kind)
        if limit is not None and len(text.value) > limit:
            yield Finding(
                code="policy-length",
                message=f"{text.name} is {len(text.value)} characters long once its template is filled, {limit} are "
                f"allowed for a {text.kind}", place=text.place, remedy="shorten the template or the texts in it",
            )  # fmt: skip
        for rule, term in self._hits(text.kind, text.locale, text.value):
            yield self._found(rule, text, f"{text.name} ({text.locale}) says “{term}”")

    def _hits(self, kind: TextKind, locale: str, value: str) -> list[tuple[Rule, str]]:
        """The rules that a text breaks. Asked once for all markets with the same rules and the same script."""
        mine = self._rules.get((kind, locale))
        if mine is None:
            mine = self._rules[kind, locale] = tuple(
                number
                for number, rule in enumerate(self.policy.rules)
                if kind in rule.kinds and rule.holds_in(locale) and self.spec.people not in rule.unless_people
            )
        key = (value, script_of(locale), mine)
        found = self._found_in.get(key)
        if found is None:
            if len(self._found_in) > _REMEMBERED:
                self._found_in.clear()
            found = self._found_in[key] = list(self._looked_for(mine, locale, value))
        return found

    def _looked_for(self, rules: tuple[int, ...], locale: str, value: str) -> Iterator[tuple[Rule, str]]:
        folded = _folded(value, locale)
        for rule in (self.policy.rules[number] for number in rules):
            term = next((term for term in rule.blocked if contains(folded, _folded(term, locale))), None)
            if term is not None:
                yield rule, term

    def _found(self, rule: Rule, text: Text, message: str) -> Finding:
        override = self._override(rule, text.locale)
        if override is None:
            how = "say it otherwise" if rule.blocked else "add it to the copy"
            remedy = f"{how}, or override {rule.id} in the campaign with a reason and a name" if rule.override else how
            return Finding(
                code="policy-rule", message=f"{message}: {rule.reason} (rule {rule.id})", place=text.place,
                remedy=remedy, severity=rule.severity,
            )  # fmt: skip
        self.used.add(rule.id)
        return Finding(
            code="policy-overridden", message=f"{message}: rule {rule.id} is overridden by {override.by}, because "
            f"{override.reason}", place=text.place, severity="warning",
        )  # fmt: skip

    def _override(self, rule: Rule, locale: str) -> PolicyOverride | None:
        if not rule.override:
            return None
        for override in self.spec.overrides:
            if override.rule == rule.id and (not override.markets or locale in override.markets):
                return override
        return None

    def overrides(self) -> Iterator[Finding]:
        """What is wrong with the overrides themselves; to be asked after all texts."""
        rules = {rule.id: rule for rule in self.policy.rules}
        for number, override in enumerate(self.spec.overrides):
            place = Place(file=self.file, pointer=f"/policy/overrides/{number}")
            if override.rule not in rules:
                yield Finding(
                    code="override-unknown", message=f"there is no rule {override.rule!r} to override", place=place,
                    remedy=f"rules: {', '.join(rules) or 'none'}",
                )  # fmt: skip
            elif not rules[override.rule].override:
                yield Finding(
                    code="override-refused", message=f"rule {override.rule} cannot be overridden", place=place,
                    remedy=rules[override.rule].reason,
                )  # fmt: skip
            elif override.rule not in self.used:
                yield Finding(
                    code="override-unused", message=f"nothing needs the override of {override.rule}", place=place,
                    remedy="remove it", severity="warning",
                )  # fmt: skip

    def models(self, models: Iterable[ModelFile]) -> Iterator[Finding]:
        """Licences of the models against what the campaign's pictures are for."""
        for model in models:
            licence = self.policy.licences.get(model.licence)
            place = Place(file="models.lock", pointer=f"/{model.name}")
            if licence is None:
                yield Finding(
                    code="licence-unknown", message=f"nobody has said what licence {model.licence!r} of {model.name} "
                    "allows", place=place, remedy="add it to licences in include/policy/prompts.yaml",
                )  # fmt: skip
            elif self.spec.use not in licence.uses:
                yield Finding(
                    code="licence-use", message=f"{model.name} may not be used for {self.spec.use} pictures: "
                    f"{model.licence} allows {', '.join(licence.uses) or 'nothing'}", place=place,
                    remedy="use another model, or say what the campaign is for: policy.use",
                )  # fmt: skip


def _folded(text: str, locale: str) -> str:
    return _folded_in(text, script_of(locale))


@functools.lru_cache(maxsize=8192)
def _folded_in(text: str, script: str) -> str:
    return fold_in(text, script)


def text_kinds(graph: Graph, bindings: Mapping[str, tuple[Binding, ...]]) -> dict[str, TextKind]:
    """What each text parameter becomes: a prompt, a negative prompt (what must not be seen), or copy on the picture."""
    users: dict[str, list[tuple[str, str]]] = {}
    for node_id, node in graph.items():
        for name, value in node["inputs"].items():
            if is_link(value):
                users.setdefault(value[0], []).append((node_id, name))
    found: dict[str, TextKind] = {}
    for parameter, targets in bindings.items():
        kinds = {kind for target in targets for kind in _kinds(graph, users, target.node, target.input)}
        for kind in _STRICTEST_FIRST:
            if kind in kinds:
                found[parameter] = kind
                break
    return found


def parse_prompt_policy(data: bytes, *, file: str) -> PromptPolicy:
    """Read prompts.yaml; FindingsError names every wrong entry."""
    policy = read_authored(PromptPolicy, data, file=file, what="a prompt policy")
    ids = [rule.id for rule in policy.rules]
    if len(set(ids)) != len(ids):
        raise InputError("two rules have one id", where=file, remedy="overrides name rules by id")
    return policy


def _kinds(graph: Graph, users: Mapping[str, list[tuple[str, str]]], node_id: str, name: str) -> set[TextKind]:
    class_name = graph[node_id]["class_type"]
    if class_name == "TextOverlay" and name == "text":
        return {"copy"}
    if class_name.startswith("CLIPTextEncode") and name.startswith("text"):
        return {"negative"} if _only_negative(users, node_id) else {"prompt"}
    if class_name.startswith(("PrimitiveString", "StringConcatenate")):
        return {kind for user, used in users.get(node_id, ()) for kind in _kinds(graph, users, user, used)}
    return set()


def _only_negative(users: Mapping[str, list[tuple[str, str]]], node_id: str) -> bool:
    """Whether a conditioning ends in inputs called `negative` and nowhere else."""
    waiting, seen, ends = [node_id], set[str](), set[bool]()
    while waiting:
        current = waiting.pop()
        for user, name in users.get(current, ()):
            if name in ("positive", "negative"):
                ends.add(name == "negative")
            elif user not in seen:
                seen.add(user)
                waiting.append(user)
    return ends == {True}
