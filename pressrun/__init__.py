"""Pressrun: image campaigns made with ComfyUI, run like a press."""
