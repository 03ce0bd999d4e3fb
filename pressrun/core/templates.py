"""Templates of a campaign: `{{ row.name }} on {{ variant.scene }}`, filled in without giving the author a computer.

What may be written is a short list: names, dotted access, text and numbers, arithmetic, comparisons, `if`, and the
filters below. There are no loops, calls, macros or imports, so every template ends, quickly, with a short result.
A string that is exactly one expression gives the value itself: "{{ size.width }}" is the number 1024, not "1024".
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pressrun.core.errors import InputError

SOURCE_LIMIT = 20_000
OUTPUT_LIMIT = 20_000
DEPTH_LIMIT = 20
NODE_LIMIT = 1_000
FILTERS = frozenset(
    {"upper", "lower", "title", "capitalize", "trim", "replace", "truncate", "string"}
    | {"default", "join", "first", "last", "length", "round", "int", "float", "abs"}
)
TESTS = frozenset(
    {"defined", "undefined", "none", "string", "number", "odd", "even", "in", "eq", "ne", "lt", "le", "gt", "ge"}
)
_ALLOWED: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem),
    *(nodes.Filter, nodes.Test, nodes.Keyword, nodes.CondExpr, nodes.If, nodes.Compare, nodes.Operand, nodes.And),
    *(nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos),
    *(nodes.Concat, nodes.List, nodes.Tuple),
)
_INT_BITS = 256


class _Missing(StrictUndefined):
    """Says which name is missing from what, instead of "dict object has no attribute"."""

    @property
    def _undefined_message(self) -> str:
        owner, name = self._undefined_obj, self._undefined_name
        if isinstance(owner, Mapping):
            return f"the mapping has no {name!r}; known: {', '.join(map(str, owner)) or 'nothing'}"
        return super()._undefined_message


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Dotted access reads mappings only: no methods, no attributes of Python objects."""
        if isinstance(obj, Mapping):
            try:
                # Not `in`: a mapping may know its values only when asked, as the copy of a campaign does.
                return obj[attribute]
            except KeyError:
                return self.undefined(obj=obj, name=attribute)
        if isinstance(obj, Undefined):
            return obj
        return self.unsafe_undefined(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, list | tuple | str) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.getattr(obj, str(argument))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        del context
        if not all(isinstance(side, int | float) for side in (left, right)):
            raise SecurityError(f"`{operator}` works on numbers only")
        if all(isinstance(side, int) for side in (left, right)) and left.bit_length() + right.bit_length() > _INT_BITS:
            raise SecurityError("the number is too large")
        return left * right if operator == "*" else left % right


def render_value(template: Any, context: Mapping[str, Any], *, where: str) -> Any:
    """Fill in a value of campaign.yaml: strings are templates, lists and mappings go recursively, the rest is kept.

    InputError names `where`, the missing name and the known ones.
    """
    return _render(template, context, where=where, depth=0)


def names_in(template: Any) -> frozenset[str]:
    """The names that a value of campaign.yaml asks for ("variant", "copy"); none where it cannot be read."""
    if isinstance(template, Mapping):
        return frozenset[str]().union(*map(names_in, template.values()))
    if isinstance(template, list | tuple):
        return frozenset[str]().union(*map(names_in, template))
    if not isinstance(template, str) or "{" not in template:
        return frozenset()
    try:
        return frozenset(node.name for node in _environment().parse(template).find_all(nodes.Name))
    except (TemplateError, RecursionError):
        return frozenset()


def _render(template: Any, context: Mapping[str, Any], *, where: str, depth: int) -> Any:
    if depth > DEPTH_LIMIT:
        raise InputError(f"nested deeper than {DEPTH_LIMIT}", where=where)
    if isinstance(template, Mapping):
        return {
            key: _render(value, context, where=f"{where}/{key}", depth=depth + 1) for key, value in template.items()
        }
    if isinstance(template, list | tuple):
        return [_render(value, context, where=f"{where}/{n}", depth=depth + 1) for n, value in enumerate(template)]
    return _render_text(template, context, where=where) if isinstance(template, str) else template


def _render_text(source: str, context: Mapping[str, Any], *, where: str) -> Any:
    if "{" not in source:
        return source
    try:
        value = _compiled(source)(context)
        for part in value if isinstance(value, list | tuple) else (value,):
            if isinstance(part, Undefined):
                str(part)  # StrictUndefined raises here
    except UndefinedError as exc:
        known = ", ".join(sorted(context)) or "nothing"
        raise InputError(f"template {_short(source)}: {exc.message}", where=where, remedy=f"known: {known}") from exc
    except SecurityError as exc:
        raise InputError(f"template {_short(source)}: not allowed: {exc.message}", where=where) from exc
    except TemplateSyntaxError as exc:
        raise InputError(f"template {_short(source)}, line {exc.lineno}: {exc.message}", where=where) from exc
    except (TemplateError, ArithmeticError, TypeError, ValueError, RecursionError) as exc:
        raise InputError(f"template {_short(source)}: {exc}", where=where) from exc
    if isinstance(value, str) and len(value) > OUTPUT_LIMIT:
        raise InputError(f"template {_short(source)} gives more than {OUTPUT_LIMIT} characters", where=where)
    if not isinstance(value, str | int | float | bool | list | tuple | dict | None):
        raise InputError(f"template {_short(source)} gives a {type(value).__name__}, not a value", where=where)
    return value


@functools.lru_cache(maxsize=4096)
def _compiled(source: str) -> Callable[[Mapping[str, Any]], Any]:
    if len(source) > SOURCE_LIMIT:
        raise SecurityError(f"longer than {SOURCE_LIMIT} characters")
    environment = _environment()
    tree = environment.parse(source)
    for count, node in enumerate(tree.find_all(nodes.Node)):
        if count > NODE_LIMIT:
            raise SecurityError(f"more than {NODE_LIMIT} parts")
        _check_node(node)
    text = source.strip()
    if text.startswith("{{") and text.endswith("}}"):
        body = environment.parse(text).body
        if len(body) == 1 and isinstance(body[0], nodes.Output) and len(body[0].nodes) == 1:
            return _native(text)
    return environment.from_string(source).render


def _native(source: str) -> Callable[[Mapping[str, Any]], Any]:
    # A `-` or `+` that touches the braces is Jinja's white-space mark, not a sign.
    expression = source[2:-2]
    expression = expression[1:] if expression[:1] in {"-", "+"} else expression
    expression = expression[:-1] if expression[-1:] in {"-", "+"} else expression
    evaluate = _environment().compile_expression(expression, undefined_to_none=False)
    return lambda context: evaluate(**context)


def _check_node(node: nodes.Node) -> None:
    kind = type(node).__name__
    if not isinstance(node, _ALLOWED):
        raise SecurityError(f"{kind.lower()} (templates have values, filters and `if`, no loops and no calls)")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise SecurityError(f"filter {node.name!r}; allowed: {', '.join(sorted(FILTERS))}")
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise SecurityError(f"test {node.name!r}; allowed: {', '.join(sorted(TESTS))}")


def _replace(text: Any, old: str, new: str) -> str:
    subject = str(text)
    if len(subject) + subject.count(old) * len(new) > 2 * OUTPUT_LIMIT:
        raise SecurityError("replace makes the text too long")
    return subject.replace(old, new)


def _join(values: Any, separator: str = "") -> str:
    if not isinstance(values, list | tuple):
        raise SecurityError(f"join needs a list, not a {type(values).__name__}")
    if sum(len(str(value)) + len(separator) for value in values) > 2 * OUTPUT_LIMIT:
        raise SecurityError("join makes the text too long")
    return separator.join(_printed(value) for value in values)


def _printed(value: Any) -> Any:
    """What `{{ … }}` prints inside text. Python's None, True and lists have no place in a prompt."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        raise SecurityError("an empty value (null) inside text")
    if isinstance(value, list | tuple | dict):
        raise SecurityError("a list or mapping inside text; use `| join(', ')` or one of its values")
    return value if isinstance(value, Undefined) else str(value)


@functools.cache
def _environment() -> _Environment:
    # optimized=False: the optimiser would run filters on constants at compile time, before any limit sees them.
    environment = _Environment(
        undefined=_Missing,
        finalize=_printed,
        optimized=False,
        cache_size=0,
        autoescape=False,
        keep_trailing_newline=True,
    )
    environment.globals.clear()
    environment.filters["replace"], environment.filters["join"] = _replace, _join
    return environment


def _short(source: str) -> str:
    return repr(source if len(source) <= 80 else source[:77] + "…")
