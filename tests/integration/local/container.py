"""A container for tests: reads its input through the /opt/ml contract and behaves as MODE says."""

import json
import os
import signal
import sys
import time
import zlib
from pathlib import Path

base = Path(os.environ["SAGEMAKER_BASE_DIR"])
resources = json.loads((base / "config/resourceconfig.json").read_text())
json.loads((base / "config/processingjobconfig.json").read_text())
host, mode = resources["current_host"], os.environ.get("MODE", "ok")
output, progress, message = base / "processing/output", base / "processing/progress", base / "output/message"


def terminate(*_: object) -> None:
    print("got SIGTERM", flush=True)
    message.write_text(f"{host}: stopped; ")
    raise SystemExit(0)


signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "stubborn" else terminate)
print("arguments", *sys.argv[1:], flush=True)
print("hosts", *resources["hosts"], flush=True)
files = sorted(path for path in (base / "processing/input").rglob("*") if path.is_file())
for path in files:
    (output / f"{path.stem}.out").write_bytes(b"%08x" % zlib.crc32(path.read_bytes()))
    (progress / f"{host}-{path.stem}.json").write_text("{}")
    time.sleep(float(os.environ.get("SLEEP", "0")))
message.write_text(f"{host}: {len(files)} files; ")
if mode in ("hang", "stubborn"):
    print("waiting", flush=True)
    while True:
        time.sleep(0.1)
if mode == "fail":
    if host == "algo-1":
        raise SystemExit(3)
    time.sleep(600)
if mode == "latin1":
    message.write_bytes(b"\xff\xfe")
if mode == "link":
    (output / "link").symlink_to(files[0])
if mode == "environment":
    (output / "environment.json").write_text(json.dumps(dict(os.environ)))
