"""Talking to a ComfyUI-protocol server: its process, its wire protocol, its client. Nothing here knows about shards."""
