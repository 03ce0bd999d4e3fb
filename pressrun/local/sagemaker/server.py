"""The HTTP side: AWS JSON 1.1 on 127.0.0.1, routed by X-Amz-Target."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pressrun.core.errors import SetupError
from pressrun.local.sagemaker.book import JobBook
from pressrun.local.sagemaker.config import EndpointConfig
from pressrun.local.sagemaker.errors import ApiError
from pressrun.local.sagemaker.logs import LogsService
from pressrun.local.sagemaker.service import ProcessingService

log = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
_TARGETS = {"SageMaker": "sagemaker", "Logs_20140328": "logs"}


class SageMakerEndpoint:
    """A running endpoint. `start` serves in the background, `close` ends its jobs and the server.

    Reading the state directory happens on construction; SetupError if the port is taken.
    """

    def __init__(self, config: EndpointConfig) -> None:
        self.config = config
        try:
            self._server = _Server((LOOPBACK, config.port), _Handler)
        except OSError as exc:
            raise SetupError(
                f"the SageMaker endpoint cannot listen on {LOOPBACK}:{config.port}: {exc.strerror}",
                remedy="give it another --port",
            ) from exc
        book = JobBook(config.root.resolve())
        self._service = ProcessingService(config, book)
        self._server.services = {"sagemaker": self._service, "logs": LogsService(book, config.region, config.account)}
        self._server.max_body_bytes = config.max_body_bytes

    @property
    def url(self) -> str:
        """For AWS_ENDPOINT_URL_SAGEMAKER and AWS_ENDPOINT_URL_CLOUDWATCH_LOGS."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def start(self) -> SageMakerEndpoint:
        threading.Thread(target=self._server.serve_forever, name="sagemaker-endpoint", daemon=True).start()
        return self

    def close(self) -> None:
        self._service.close()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    services: dict[str, ProcessingService | LogsService]
    max_body_bytes: int


DRAIN_BYTES = 16 * 1024 * 1024


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def do_POST(self) -> None:
        try:
            self._check_host()
            target, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
            request = self._read()
            if target not in _TARGETS:
                raise ApiError("UnknownOperationException", f"{target or 'no X-Amz-Target'} is not emulated")
            self._answer(200, self.server.services[_TARGETS[target]].call(operation, request))
        except ApiError as exc:
            self._answer(exc.status, {"__type": exc.code, "message": exc.message})
        except Exception as exc:
            log.exception("request failed")
            self._answer(500, {"__type": "InternalFailure", "message": f"{type(exc).__name__}: {exc}"})

    def do_GET(self) -> None:
        """Ready check."""
        self._answer(200, {"service": "pressrun-sagemaker", "ok": True})

    def _check_host(self) -> None:
        # A web page that points its own host name at 127.0.0.1 must not be able to start jobs here.
        name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if name not in (LOOPBACK, "localhost"):
            self.close_connection = True  # its body is not read, so nothing may follow it
            raise ApiError("AccessDeniedException", f"Host {name!r} is not this endpoint", 403)

    def _read(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > self.server.max_body_bytes:
            self.close_connection = True
            limit = self.server.max_body_bytes
            # A client that is still sending would see a broken pipe instead of the answer: swallow a decent part.
            left = min(int(length), DRAIN_BYTES) if length.isdigit() else 0
            while left > 0 and (piece := self.rfile.read(min(left, 65_536))):
                left -= len(piece)
            raise ApiError("RequestEntityTooLargeException", f"A request needs a length of at most {limit} bytes", 413)
        try:
            request = json.loads(self.rfile.read(int(length)) or b"{}")
        except ValueError as exc:
            raise ApiError("SerializationException", f"The request is not JSON: {exc}") from exc
        if not isinstance(request, dict):
            raise ApiError("SerializationException", "The request is not a JSON object")
        return request

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if status >= 400:
            self.send_header("x-amzn-ErrorType", body["__type"])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Requests are not logged: pollers would bury what matters."""
