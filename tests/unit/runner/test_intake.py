"""Intake refuses what was not bought or not planned, and says which."""

from __future__ import annotations

from pathlib import Path

import pytest
import runner_shards as shards

from pressrun.core.errors import InputError
from pressrun.core.item import Item
from pressrun.runner.intake import read_shard, stage_assets
from pressrun.runner.places import Places


def test_a_shard_comes_back_as_it_was_bought(tmp_path: Path) -> None:
    document = shards.shard([shards.item(1), shards.item(2)])
    digest = shards.lay_out(tmp_path, document)
    assert read_shard(Places(tmp_path).shard, expected_sha256=digest) == document


def test_a_shard_of_another_digest_is_refused(tmp_path: Path) -> None:
    shards.lay_out(tmp_path, shards.shard([shards.item(1)]))
    with pytest.raises(InputError, match="but the job was bought for 000000000000"):
        read_shard(Places(tmp_path).shard, expected_sha256="0" * 64)


@pytest.mark.parametrize("place", [0.02, 0.5, 0.97])
def test_one_byte_changed_after_the_order_is_refused(tmp_path: Path, place: float) -> None:
    digest = shards.lay_out(tmp_path, shards.shard([shards.item(1)]))
    path = Places(tmp_path).shard
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"the job was bought for {digest[:12]}"):
        read_shard(path, expected_sha256=digest)


def test_no_shard_names_the_channel(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="input channel `shard`"):
        read_shard(Places(tmp_path).shard, expected_sha256="0" * 64)


def at(item: Item, **place: int) -> Item:
    """The item at another place of its batch."""
    assert item.batch is not None
    return item.model_copy(update={"batch": item.batch.model_copy(update=place)})


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([shards.item(1), shards.item(1)], "is there twice"),
        ([shards.item(1, workflow="other")], "unknown workflow 'other'"),
        ([shards.item(1, inputs={"photo": "x.png"})], "input that the shard does not carry"),
        ([shards.item(1).model_copy(update={"item_id": "../up"})], "is not a plain id"),
        ([at(shards.batch(1, 2)[0], index=2)], "is picture 2 of a batch of 2"),
        ([shards.batch(1, 2)[0], shards.batch(1, 2)[1].model_copy(update={"seed": 5})], "not like '0000000000010000'"),
        ([shards.batch(1, 2)[0], at(shards.batch(1, 2)[1], size=3)], "which is of the same batch"),
    ],
)
def test_an_inconsistent_shard_names_the_item(tmp_path: Path, items: list, words: str) -> None:
    digest = shards.lay_out(tmp_path, shards.shard(items))
    with pytest.raises(InputError, match=words):
        read_shard(Places(tmp_path).shard, expected_sha256=digest)


def test_a_batch_of_a_workflow_that_makes_none_is_refused(tmp_path: Path) -> None:
    bindings = {name: targets for name, targets in shards.BINDINGS.items() if name != "x-batch"}
    document = shards.shard(shards.batch(1, 2), workflows=[shards.bundle(**bindings)])
    digest = shards.lay_out(tmp_path, document)
    with pytest.raises(InputError, match="is of a batch, which 'plain' cannot make"):
        read_shard(Places(tmp_path).shard, expected_sha256=digest)


def staged(base: Path, assets: dict[str, bytes]) -> tuple[Places, int]:
    document = shards.shard([shards.item(1)], inputs=tuple(shards.asset(n, d) for n, d in assets.items()))
    shards.lay_out(base, document, assets)
    places = Places(base)
    places.make()
    return places, stage_assets(document, places.assets, places.staged)


def test_assets_are_staged_under_their_plain_names(tmp_path: Path) -> None:
    places, size = staged(tmp_path, {"a b.png": b"one", "maske-ä.png": b"three"})
    assert size == 8
    assert sorted(path.name for path in places.staged.iterdir()) == ["a b.png", "maske-ä.png"]
    assert (places.staged / "a b.png").read_bytes() == b"one"


def test_assets_are_found_where_the_manifest_prefix_names_the_folder(tmp_path: Path) -> None:
    entry = shards.asset("p.png", b"photo")
    folder = tmp_path / "channel" / entry.sha256
    folder.mkdir(parents=True)
    (folder / "p.png").write_bytes(b"photo")
    target = tmp_path / "in"
    target.mkdir()
    assert stage_assets(shards.shard([shards.item(1)], inputs=(entry,)), tmp_path / "channel", target) == 5


def test_changed_bytes_are_refused_and_not_staged(tmp_path: Path) -> None:
    entry = shards.asset("p.png", b"planned")
    document = shards.shard([shards.item(1)], inputs=(entry,))
    shards.lay_out(tmp_path, document, {"p.png": b"changed"})
    places = Places(tmp_path)
    places.make()
    with pytest.raises(InputError, match=r"asset p\.png has SHA-256 .*planned was"):
        stage_assets(document, places.assets, places.staged)
    assert list(places.staged.iterdir()) == []


def test_a_missing_asset_is_named(tmp_path: Path) -> None:
    document = shards.shard([shards.item(1)], inputs=(shards.asset("p.png", b"x"),))
    with pytest.raises(InputError, match=r"asset p\.png is not in the channel"):
        stage_assets(document, tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["../p.png", "a/b.png", "p.png [output]", ".hidden", "a\\b", "a\nb", ""])
def test_names_that_are_not_plain_are_refused(tmp_path: Path, name: str) -> None:
    document = shards.shard([shards.item(1)], inputs=(shards.asset(name, b"x"),))
    with pytest.raises(InputError, match="plain file name"):
        stage_assets(document, tmp_path, tmp_path)


def test_two_assets_of_one_name_are_refused(tmp_path: Path) -> None:
    first, second = shards.asset("p.png", b"x"), shards.asset("p.png", b"y")
    document = shards.shard([shards.item(1)], inputs=(first, second))
    shards.lay_out(tmp_path, shards.shard([shards.item(1)], inputs=(first,)), {"p.png": b"x"})
    with pytest.raises(InputError, match="two different assets"):
        stage_assets(document, Places(tmp_path).assets, tmp_path)
