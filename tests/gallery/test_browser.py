"""The gallery in a real browser: its script runs under the content security policy, and hostile names stay text."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI

from pressrun.gallery.app import create_app
from pressrun.gallery.auth import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium on this machine"),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=6000",
    "--enable-logging=stderr",
    "--dump-dom",
]
PAYLOAD = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def look(url: str, profile) -> tuple[str, str]:
    done = subprocess.run(
        ["chromium", *FLAGS, f"--user-data-dir={profile}", url], capture_output=True, text=True, timeout=240, check=True
    )
    return done.stdout, done.stderr


def test_the_gallery_fills_itself_and_hostile_text_stays_text(sample, campaign, tmp_path) -> None:
    sample.decide("rosa-token", sample.decision("mug", "de-DE", "a", state="rejected", note=PAYLOAD))

    async def maya(_request) -> User:
        return User("maya", "Maya")

    app = create_app(workspace=lambda: sample.ws, current_user=maya, require_access=lambda *_: True)
    outer = FastAPI()
    outer.mount("/pressrun", app)
    run = sample.spring.run_id.replace("+", "%2B")
    with served(outer) as base:
        page, log = look(f"{base}/pressrun/dags/press_spring_sale/runs/{run}/", tmp_path)
    app.state.desk.close()
    # Maya is on the fallback list only; the Japanese market has a list of its own.
    assert page.count('class="cell"') == 4
    assert "0 of 6 cells settled" in page
    assert "&lt;img src=x onerror=" in page
    assert "owned" not in page.partition("</title>")[0]
    assert 'src="x"' not in page
    assert "Content Security Policy" not in log
