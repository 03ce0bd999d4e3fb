"""Order, deletion, history and faults' spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from pressrun.core.errors import InputError
from pressrun.proof.cache import NodeResult, ResultCache, node_keys
from pressrun.proof.faults import Fault
from pressrun.proof.files import Folders, OutsideOutputError, find_input, inside, save_place, write_atomically
from pressrun.proof.queue import Item, PromptQueue
from pressrun.typeset.scripts import guess_locale


def item(number: float, prompt_id: str) -> Item:
    return Item(number, prompt_id, {}, {}, [])


def taken(queue: PromptQueue, count: int) -> list[str]:
    out = []
    for _ in range(count):
        running = queue.take(lambda: None)
        assert running is not None
        out.append(running.prompt_id)
        queue.done(running, {"outputs": {}, "status": {}, "meta": {}})
    return out


def test_lower_numbers_first_then_front_then_arrival() -> None:
    queue = PromptQueue(lambda: None)
    for prompt_id in ("a", "b"):
        queue.put(item(queue.next_number(front=False), prompt_id))
    queue.put(item(queue.next_number(front=True), "front"))
    queue.put(item(-100, "first"))
    queue.put(item(0.5, "half"))
    assert taken(queue, 5) == ["first", "front", "a", "half", "b"]
    assert list(queue.history()) == ["first", "front", "a", "half", "b"]


def test_deleting_and_stopping_know_waiting_from_running() -> None:
    queue = PromptQueue(lambda: None)
    for number in range(3):
        queue.put(item(number, str(number)))
    running = queue.take(lambda: None)
    assert running is not None
    assert queue.delete({"0", "2"})
    assert not queue.delete({"0"})
    assert queue.remaining() == 2
    hits: list[str] = []
    assert not queue.while_running("1", lambda: hits.append("1"))
    assert queue.while_running("0", lambda: hits.append("0"))
    assert hits == ["0"]
    assert queue.history("0") == {}
    queue.close()
    assert queue.take(lambda: None) is None


def test_keys_ignore_node_ids_and_follow_ancestors() -> None:
    def graph(first: str, value: int) -> dict[str, object]:
        source = {"class_type": "PrimitiveInt", "inputs": {"value": value}}
        return {first: source, "end": {"class_type": "PreviewAny", "inputs": {"source": [first, 0]}}}

    def key(graph: dict[str, object]) -> str:
        return node_keys(graph, lambda *_: "")["end"]

    assert key(graph("a", 1)) == key(graph("z", 1))
    assert key(graph("a", 1)) != key(graph("a", 2))
    with pytest.raises(KeyError):
        node_keys({**graph("a", 1), "odd": {"class_type": "ImageInvert"}}, lambda *_: "")


def test_the_cache_forgets_the_oldest_first() -> None:
    cache = ResultCache(limit_bytes=1000)
    for name in "abcd":
        cache.put(name, NodeResult((), None, None))
    assert cache.get("a") is None
    assert cache.get("d") is not None


@pytest.mark.parametrize("text", ["explode@1", "oom", "oom@0", "oom@x", "slow@1:", "@3"])
def test_a_misspelt_fault_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a fault"):
        Fault.parse(text)


def test_faults_strike_where_they_say() -> None:
    assert [Fault.parse("oom@2").strikes(prompt) for prompt in (1, 2, 3)] == [False, True, False]
    assert [Fault.parse("oom@2+").strikes(prompt) for prompt in (1, 2, 3)] == [False, True, True]
    assert Fault.parse("slow@1:250").milliseconds == 250


def test_counters_go_on_and_prefixes_stay_inside(tmp_path: Path) -> None:
    assert save_place(tmp_path, "lab/free", 8, 8).counter == 1
    (tmp_path / "lab" / "free_00041_.png").touch()
    (tmp_path / "lab" / "freedom_00090_.png").touch()
    place = save_place(tmp_path, "lab/free", 8, 8)
    assert (place.subfolder, place.stem, place.counter) == ("lab", "free", 42)
    assert save_place(tmp_path, "%width%x%height%", 8, 9).stem == "8x9"
    for prefix in ("../x", "/etc/x", "a/../../x"):
        with pytest.raises(OutsideOutputError, match="outside the output folder"):
            save_place(tmp_path, prefix, 8, 8)


def test_inputs_are_found_only_inside_their_folders(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "in", tmp_path / "out", tmp_path / "temp")
    for folder in (folders.input, folders.output):
        folder.mkdir()
    (tmp_path / "secret.png").touch()
    (folders.output / "made.png").touch()
    (folders.input / "link.png").symlink_to(tmp_path / "secret.png")
    assert find_input(folders, "made.png [output]") == folders.output.resolve() / "made.png"
    for name in ("made.png", "../secret.png", str(tmp_path / "secret.png"), "link.png", "", 7, "a\x00b"):
        assert find_input(folders, name) is None
    assert inside(tmp_path, "in") == (tmp_path / "in").resolve()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "no" / "such.png", b"x")
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "a.png", "text")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_text_without_a_locale_is_known_by_its_letters() -> None:
    assert guess_locale("خصم 30% على Aurora") == "ar"
    assert guess_locale("30 % — 2026") == "en"
