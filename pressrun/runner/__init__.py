"""The container side: one shard in, images and results out. `python -m pressrun.runner`; no network, no credentials."""
