"""Custom nodes of ours that the runner has ComfyUI load, by path and by name; `FOLDER` is their custom_nodes folder."""

from pathlib import Path

FOLDER = Path(__file__).parent
SINK = "pressrun_sink"
SINK_CLASS = "PressrunSink"
