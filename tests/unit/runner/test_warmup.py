"""Warm-ups are cheap, change nothing else, and are made only where something is sampled."""

from __future__ import annotations

import copy

import pytest
import runner_shards as shards

from pressrun.core.errors import SetupError
from pressrun.runner.dispatch import check_version
from pressrun.runner.warmup import SIDE, warm_up_graph

SAMPLED = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "2": {"class_type": "EmptyLatentImage", "inputs": {"width": 1024, "height": 256, "batch_size": 4}},
    "3": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "latent_image": ["2", 0], "steps": 30, "seed": 9}},
    "4": {"class_type": "ImageScale", "inputs": {"image": ["3", 0], "width": 2048, "height": 2048}},
    "5": {"class_type": "EmptyHunyuanLatentVideo", "inputs": {"width": 848, "height": 480, "length": 25}},
    "6": {"class_type": "BasicScheduler", "inputs": {"steps": ["7", 0], "denoise": 1.0}},
}


def test_a_warm_up_has_the_same_models_one_step_and_a_small_picture() -> None:
    before = copy.deepcopy(SAMPLED)
    cheap = warm_up_graph(SAMPLED)
    assert cheap is not None
    assert before == SAMPLED
    assert cheap["1"] == SAMPLED["1"]
    assert cheap["2"]["inputs"] == {"width": SIDE, "height": 256, "batch_size": 1}
    assert cheap["3"]["inputs"] == {"model": ["1", 0], "latent_image": ["2", 0], "steps": 1, "seed": 9}
    assert cheap["4"] == SAMPLED["4"], "only latents are made small: what follows takes what it is given"
    assert cheap["5"]["inputs"] == {"width": SIDE, "height": 480, "length": 1}
    assert cheap["6"] == SAMPLED["6"], "a linked input is another node's business"


def test_a_malformed_node_is_left_to_the_engine() -> None:
    assert warm_up_graph({"9": {"class_type": "EmptyImage"}}) is None
    cheap = warm_up_graph({**SAMPLED, "9": {"class_type": "EmptyImage"}})
    assert cheap is not None
    assert cheap["9"] == {"class_type": "EmptyImage"}


def test_a_graph_that_samples_nothing_has_no_warm_up() -> None:
    assert warm_up_graph(shards.GRAPH) is None


@pytest.mark.parametrize("version", ["0.6.0", "0.33.0", "v0.38.1", "1.0", "0.6.1-dev"])
def test_versions_that_the_runner_takes(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["0.5.1", "0.3.76", "unknown", ""])
def test_older_and_nameless_versions_are_refused(version: str) -> None:
    with pytest.raises(SetupError, match=r"0\.6\.0 or later"):
        check_version(version)
