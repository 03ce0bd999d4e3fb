"""Pressrun: image campaigns made with ComfyUI, run like a press."""

__version__ = "0.1.0"
