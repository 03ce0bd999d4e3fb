"""Render keys in columns are those of render_key, whatever the graph, the bindings and the axes they vary along."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressrun.core import chunk as chunks
from pressrun.core.binding import compile_graph
from pressrun.core.chunk import Chunk, Column
from pressrun.core.item import InputAsset
from pressrun.core.key_columns import KeyColumns
from pressrun.core.plan import WorkflowBundle
from pressrun.core.render_key import render_key
from pressrun.core.targets import Binding

AXES = {"product": 3, "locale": 2, "size": 2}
INPUTS = ("a", "b", "text", "ckpt_name", "image", "filename_prefix")
LITERALS = st.one_of(
    st.integers(-5, 5), st.floats(-2, 2), st.booleans(), st.text(max_size=4), st.sampled_from(["x.png", "m.safetensors"]),
    st.lists(st.integers(0, 3), max_size=2),
)  # fmt: skip
VALUES = st.one_of(
    st.none(), st.integers(-5, 5), st.booleans(), st.text(max_size=3), st.sampled_from(["m.safetensors", "x.png"])
)
MODELS = {"m.safetensors": "5" * 64}


def asset(number: int) -> InputAsset:
    return InputAsset(name=f"{number:012x}-photo.png", uri=f"s3://inputs/{number}", sha256=f"{number:064x}", size=1)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    graph: dict[str, dict[str, Any]] = {}
    for number in range(draw(st.integers(1, 6))):
        sources = st.tuples(st.sampled_from(sorted(graph)), st.integers(0, 1)).map(list) if graph else st.nothing()
        names = draw(st.lists(st.sampled_from(INPUTS), unique=True, max_size=4))
        inputs = {name: draw(st.one_of(sources, LITERALS) if graph else LITERALS) for name in names}
        graph[str(number)] = {"class_type": draw(st.sampled_from(["Load", "Mix", "Save"])), "inputs": inputs}
    return graph


@st.composite
def cases(draw: st.DrawFn) -> tuple[WorkflowBundle, Chunk, dict[str, Column]]:
    graph = draw(graphs())
    spots = [(node, name) for node in graph for name in INPUTS]
    taken = draw(st.lists(st.sampled_from(spots), unique=True, max_size=5))
    bindings = {"seed": tuple(Binding(node=node, input=name) for node, name in taken[:1])}
    bindings |= {f"p{number}": (Binding(node=node, input=name),) for number, (node, name) in enumerate(taken[1:])}
    outputs = tuple(draw(st.lists(st.sampled_from(sorted(graph)), min_size=1, max_size=3, unique=True)))
    bundle = WorkflowBundle(
        name="w", graph=graph, graph_sha256="", contract_sha256="", bindings=bindings, outputs=outputs
    )
    rows = draw(
        st.lists(st.tuples(*(st.integers(0, size - 1) for size in AXES.values())), min_size=1, max_size=9, unique=True)
    )
    chunk = Chunk({axis: np.array([row[n] for row in rows]) for n, axis in enumerate(AXES)}, AXES)
    values: dict[str, Column] = {}
    for name in bindings:
        axes = frozenset(draw(st.sets(st.sampled_from(sorted(AXES)))))
        grain = chunk.grain(axes)
        kind = st.integers(0, 99) if name == "seed" else VALUES
        if name == "p0" and draw(st.booleans()):
            kind = st.integers(1, 3).map(asset)
        values[name] = Column(axes, grain, [draw(kind) for _ in range(len(grain))], stable=draw(st.booleans()))
    return bundle, chunk, values


def by_the_book(bundle: WorkflowBundle, row: dict[str, Any]) -> str:
    assets = {name: value for name, value in row.items() if isinstance(value, InputAsset)}
    params = {name: value for name, value in row.items() if value is not None and name not in {"seed", *assets}}
    graph = compile_graph(
        bundle,
        params=params,
        seed=row["seed"],
        inputs={name: one.name for name, one in assets.items()},
        filename_prefix="",
    )
    return render_key(
        graph,
        bundle.outputs,
        files={one.name: one.sha256 for one in assets.values()},
        models=MODELS,
        engine_class="e:1",
    )


@settings(max_examples=400, deadline=None)
@given(cases())
def test_every_key_is_that_of_render_key(case: tuple[WorkflowBundle, Chunk, dict[str, Column]]) -> None:
    bundle, chunk, values = case
    found = KeyColumns(bundle, models=MODELS, engine_class="e:1").column(chunk, values).rows()
    columns = {name: column.rows() for name, column in values.items()}
    assert found == [
        by_the_book(bundle, {name: column[row] for name, column in columns.items()}) for row in range(len(chunk))
    ]


def chain(*, bound: str = "text") -> WorkflowBundle:
    graph = {
        "1": {"class_type": "Load", "inputs": {"image": "x.png"}},
        "2": {"class_type": "Text", "inputs": {"text": "x", "images": ["1", 0]}},
        "3": {"class_type": "Save", "inputs": {"images": ["2", 0]}},
    }
    bindings = {"seed": (), "photo": (Binding(node="1", input="image"),), "headline": (Binding(node="2", input=bound),)}
    return WorkflowBundle(name="w", graph=graph, graph_sha256="", contract_sha256="", bindings=bindings, outputs=("3",))


def grid(**sizes: int) -> Chunk:
    mesh = np.meshgrid(*(np.arange(size) for size in sizes.values()), indexing="ij")
    return Chunk({axis: codes.ravel() for axis, codes in zip(sizes, mesh, strict=True)}, sizes)


def column(chunk: Chunk, axis: str, values: list[Any]) -> Column:
    return Column(frozenset({axis}), chunk.grain(frozenset({axis})), values)


def test_a_node_is_hashed_once_for_what_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []

    def counted(memo: Any, names: Any, args: Any, make: Any) -> list[Any]:
        hashed.append(len(names))
        return remembered(memo, names, args, make)

    remembered = chunks.remembered
    monkeypatch.setattr("pressrun.core.key_columns.remembered", counted)
    chunk = grid(product=4, locale=3, size=5)
    values = {
        "seed": chunk.constant(7),
        "photo": column(chunk, "product", [asset(1), asset(2), asset(3), asset(4)]),
        "headline": column(chunk, "locale", ["a", "b", "c"]),
    }
    keys = KeyColumns(chain(), models={}, engine_class="e").column(chunk, values)
    assert hashed == [4, 12, 12, 12], "photo by product, text and save by product and locale; the size changes nothing"
    assert len(keys.values) == 12


@pytest.mark.parametrize("odd", [["1", 0], "000000000001-photo.png"], ids=["a link", "the name of a file"])
def test_values_that_mean_something_else_in_a_graph_are_keyed_by_the_book(odd: Any) -> None:
    chunk = grid(product=2, locale=2)
    values = {
        "seed": chunk.constant(7),
        "photo": column(chunk, "product", [asset(1), asset(2)]),
        "headline": column(chunk, "locale", [odd, "b"]),
    }
    found = KeyColumns(chain(), models=MODELS, engine_class="e:1").column(chunk, values).rows()
    columns = {name: one.rows() for name, one in values.items()}
    assert found == [by_the_book(chain(), {name: one[row] for name, one in columns.items()}) for row in range(4)]


def test_what_is_remembered_from_an_earlier_chunk_is_right_for_the_next() -> None:
    keys, whole = KeyColumns(chain(), models={}, engine_class="e"), grid(product=3, locale=2)

    def values(chunk: Chunk) -> dict[str, Column]:
        products, locales = chunk.grain(frozenset({"product"})), chunk.grain(frozenset({"locale"}))
        return {
            "seed": chunk.constant(7),
            "photo": column(chunk, "product", [asset(n) for (n,) in chunk.spots(["product"], products)]),
            "headline": column(chunk, "locale", [f"text {n}" for (n,) in chunk.spots(["locale"], locales)]),
        }

    parts = [whole.take(np.array(rows)) for rows in ([0, 3], [5, 1], [2, 4])]
    found = {
        row: key
        for rows, part in zip(([0, 3], [5, 1], [2, 4]), parts, strict=True)
        for row, key in zip(rows, keys.column(part, values(part)).rows(), strict=True)
    }
    assert [found[row] for row in range(6)] == KeyColumns(chain(), models={}, engine_class="e").column(
        whole, values(whole)
    ).rows()


def test_nothing_is_remembered_of_values_that_hold_for_one_chunk_only() -> None:
    chunk, keys = grid(product=2, locale=2), KeyColumns(chain(), models={}, engine_class="e")

    def keyed(words: list[str]) -> list[str]:
        own = column(chunk, "locale", words)
        values = {
            "seed": chunk.constant(7),
            "photo": column(chunk, "product", [asset(1), asset(2)]),
            "headline": Column(own.axes, own.grain, own.values, stable=False),
        }
        return keys.column(chunk, values).rows()

    assert set(keyed(["a", "b"])).isdisjoint(keyed(["c", "d"]))
