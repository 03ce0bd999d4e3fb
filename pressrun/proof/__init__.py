"""The proof press: a ComfyUI-protocol server that draws proofs from the graph alone. No model, no GPU.

Start it as `python -m pressrun.proof --listen 127.0.0.1 --port N --input-directory D --output-directory D`; it is ready
when GET /system_stats answers, as the real server is. `pressrun.proof.drawing.engine_class()` names what it draws with.
"""
