"""Configuration, events, exit message, atomic files."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pressrun.core.errors import InputError, SetupError
from pressrun.runner.__main__ import MESSAGE_LIMIT, write_message
from pressrun.runner.atomic import move_atomic, write_atomic
from pressrun.runner.config import RunnerConfig, read_config
from pressrun.runner.engines import engine_specs
from pressrun.runner.events import redact
from pressrun.runner.places import Places

SHA = "a" * 64


def test_configuration_comes_from_the_environment() -> None:
    config = read_config(
        {"SAGEMAKER_BASE_DIR": "/x", "PRESSRUN_SHARD_SHA256": SHA, "PRESSRUN_QUEUE_DEPTH": "2", "PATH": "/bin"}
    )
    assert (config.base_dir, config.queue_depth, config.engine) == (Path("/x"), 2, None)


@pytest.mark.parametrize(
    ("environ", "name"),
    [({}, "PRESSRUN_SHARD_SHA256"), ({"PRESSRUN_SHARD_SHA256": SHA, "PRESSRUN_QUEUE_DEPTH": "many"}, "QUEUE_DEPTH")],
)
def test_a_wrong_variable_is_named(environ: dict[str, str], name: str) -> None:
    with pytest.raises(InputError, match=name):
        read_config(environ)


def test_prose_is_redacted_and_names_are_not() -> None:
    secret = "A perfume bottle on black basalt"
    found = redact({"width": 512, "sampler": "euler_ancestral", "prompt": secret, "more": ["日本語", 0.5, None]})
    assert found["width"] == 512
    assert found["sampler"] == "euler_ancestral"
    assert found["prompt"]["length"] == len(secret)
    assert len(found["prompt"]["sha256"]) == 16
    assert found["more"][0]["length"] == 3
    assert secret not in str(found)


def test_the_exit_message_is_at_most_1_kb_of_whole_characters(tmp_path: Path) -> None:
    path = tmp_path / "output/message"
    write_message(path, "é" * 2000)
    data = path.read_bytes()
    assert MESSAGE_LIMIT - 2 <= len(data) <= MESSAGE_LIMIT
    assert set(data.decode()) == {"é"}


def test_another_mount_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_atomic(tmp_path / "b/one", b"1", scratch=tmp_path / "a")
    (tmp_path / "a/two").write_bytes(b"2")
    move_atomic(tmp_path / "a/two", tmp_path / "b/two")
    assert {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()} == {"one": b"1", "two": b"2"}
    assert list((tmp_path / "a").iterdir()) == []


def comfyui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int, **options: object) -> list[tuple[str, ...]]:
    monkeypatch.setattr("pressrun.runner.engines.gpu_count", lambda: gpus)
    home = tmp_path / "ComfyUI"
    home.mkdir()
    (home / "main.py").touch()
    config = RunnerConfig.model_validate({"shard_sha256": SHA, "comfyui_home": home, **options})
    return [spec.argv for spec in engine_specs("comfyui", config, Places(tmp_path))]


def test_comfyui_without_a_gpu_runs_once_on_the_cpu_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (argv,) = comfyui(tmp_path, monkeypatch, 0)
    assert {"--cpu", "--disable-all-custom-nodes", "--disable-api-nodes", "--disable-auto-launch"} <= set(argv)
    assert argv[argv.index("--listen") + 1] == "127.0.0.1"
    assert argv[argv.index("--database-url") + 1] == "sqlite:///:memory:"
    assert argv[argv.index("--whitelist-custom-nodes") + 1] == "pressrun_sink"
    paths = Path(argv[argv.index("--extra-model-paths-config") + 1]).read_text()
    assert "checkpoints" not in paths  # there is no models channel
    assert paths.startswith("nodes:\n  custom_nodes: /")
    for flag in ("--user-directory", "--front-end-root", "--output-directory", "--input-directory"):
        assert Path(argv[argv.index(flag) + 1]).is_dir()


def test_one_comfyui_per_gpu_with_folders_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = comfyui(tmp_path, monkeypatch, 4, custom_nodes=("our_sink",), engine_args="--cache-lru 30")
    assert [argv[argv.index("--cuda-device") + 1] for argv in commands] == ["0", "1", "2", "3"]
    assert len({argv[argv.index("--output-directory") + 1] for argv in commands}) == 4
    assert len({argv[argv.index("--input-directory") + 1] for argv in commands}) == 1
    assert all("--cpu" not in argv and argv[-2:] == ("--cache-lru", "30") for argv in commands)
    assert all(argv[argv.index("--whitelist-custom-nodes") + 1] == "our_sink" for argv in commands)
    assert all(argv[argv.index("our_sink") + 1] == "pressrun_sink" for argv in commands)


def test_the_stock_sink_leaves_custom_nodes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (argv,) = comfyui(tmp_path, monkeypatch, 0, sink="stock")
    assert "--whitelist-custom-nodes" not in argv


def test_a_models_channel_becomes_extra_model_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Places(tmp_path).models.mkdir(parents=True)
    (argv,) = comfyui(tmp_path, monkeypatch, 1)
    text = Path(argv[argv.index("--extra-model-paths-config") + 1]).read_text()
    assert str(Places(tmp_path).models) in text
    assert "checkpoints: checkpoints" in text
    assert "--cpu" not in argv


def test_no_comfyui_says_which_variable_to_set(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="COMFYUI_HOME"):
        engine_specs("comfyui", RunnerConfig(shard_sha256=SHA), Places(tmp_path))
    with pytest.raises(SetupError, match="no engine 'dalle'"):
        engine_specs("dalle", RunnerConfig(shard_sha256=SHA), Places(tmp_path))
