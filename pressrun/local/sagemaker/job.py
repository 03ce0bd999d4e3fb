"""The life of one Processing job, in a thread of its own: inputs down, containers, uploads, the end."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from pressrun.local.sagemaker.channels import download_channel, local_path
from pressrun.local.sagemaker.config import EndpointConfig
from pressrun.local.sagemaker.errors import JobFailedError
from pressrun.local.sagemaker.process import HostProcess, write_config
from pressrun.local.sagemaker.record import JobRecord
from pressrun.local.sagemaker.transfer import S3Transfer, split_uri
from pressrun.local.sagemaker.uploads import OutputChannel, Uploader

log = logging.getLogger(__name__)
POLL_SECONDS = 0.05
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."
Ending = Literal["user", "timeout", "sibling", "shutdown"]


class Job:
    """A job that runs. `done` is set when its record says how it ended."""

    def __init__(self, record: JobRecord, config: EndpointConfig, transfer: S3Transfer) -> None:
        self.record, self._config, self._transfer = record, config, transfer
        self.done = threading.Event()
        self._ending: Ending | None = None
        self._hosts: list[HostProcess] = []

    def start(self) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self.run, name=self.record.name, daemon=True).start()

    def stop(self, reason: Ending) -> None:
        """Ask the job to end: SIGTERM, the grace period, SIGKILL. The first reason given counts."""
        self._ending = self._ending or reason

    def run(self) -> None:
        """Everything from input to the terminal status; never raises."""
        final: dict[str, Any]
        try:
            self._prepare()
            final = self._execute() if self._ending is None else self._verdict([])
        except JobFailedError as exc:
            final = {"ProcessingJobStatus": "Failed", "FailureReason": str(exc)}
        except Exception:
            log.exception("job %s: the endpoint itself failed", self.record.name)
            final = {"ProcessingJobStatus": "Failed", "FailureReason": INTERNAL_ERROR}
        finally:
            for host in self._hosts:
                host.kill()
        try:
            final |= {"ExitMessage": message} if (message := self._exit_message()) else {}
        except UnicodeDecodeError:
            final |= {
                "ProcessingJobStatus": "Failed",
                "FailureReason": "ClientError: /opt/ml/output/message is not valid UTF-8",
            }
        if "FailureReason" in final:
            final["FailureReason"] = final["FailureReason"][:1024]
        if self.record.home.exists():
            self.record.update(ProcessingEndTime=time.time(), **final)
        if not self._config.keep_files and final["ProcessingJobStatus"] == "Completed":
            for name in self.record.hosts:
                shutil.rmtree(self.record.home / name, ignore_errors=True)
        self.done.set()

    def _prepare(self) -> None:
        record = self.record
        inputs = [item["S3Input"] for item in record.request.get("ProcessingInputs", []) if not item.get("AppManaged")]

        def one(index: int) -> None:
            host = record.hosts[index]
            write_config(record, host)
            for spec in inputs:
                download_channel(self._transfer, spec, record.base(host), index=index, count=record.instance_count)
            for spec in self._outputs():
                local_path(record.base(host), spec["LocalPath"]).mkdir(parents=True, exist_ok=True)

        with ThreadPoolExecutor(min(record.instance_count, 8)) as pool:
            list(pool.map(one, range(record.instance_count)))

    def _outputs(self) -> list[dict[str, Any]]:
        items = (self.record.request.get("ProcessingOutputConfig") or {}).get("Outputs", [])
        return [item["S3Output"] for item in items if not item.get("AppManaged")]

    def _uploader(self) -> Uploader:
        kms: str | None = (self.record.request.get("ProcessingOutputConfig") or {}).get("KmsKeyId")
        channels = [
            OutputChannel(
                local_path(self.record.base(host), spec["LocalPath"]), *split_uri(spec["S3Uri"]), spec["S3UploadMode"]
            )
            for spec in self._outputs()
            for host in self.record.hosts
        ]
        return Uploader(channels, lambda path, bucket, key: self._transfer.upload(path, bucket, key, kms))

    def _execute(self) -> dict[str, Any]:
        self.record.update(ProcessingStartTime=time.time())
        uploader, stop_sweeping = self._uploader(), threading.Event()

        def sweep() -> None:
            while not stop_sweeping.wait(self._config.sweep):
                if self._config.upload_on_failure or not any((host.exit_code() or 0) < 0 for host in self._hosts):
                    uploader.sweep()

        sweeper = threading.Thread(target=sweep, name=f"{self.record.name}-sweep", daemon=True)
        try:
            for name in self.record.hosts:
                self._hosts.append(HostProcess(self.record, self._config, name))
            sweeper.start()
            codes = self._watch()
            if any(code < 0 for code in codes) and not self._config.upload_on_failure:
                uploader.abandon()
        finally:
            stop_sweeping.set()
            if sweeper.ident is not None:
                sweeper.join()
        for host in self._hosts:
            host.close()
        final = self._verdict(codes)
        self._last_upload(uploader, codes, completed=final["ProcessingJobStatus"] == "Completed")
        return final

    def _last_upload(self, uploader: Uploader, codes: list[int], *, completed: bool) -> None:
        """Strict: after a death by signal nothing goes up, and EndOfJob only from a job that completed."""
        if completed or self._config.upload_on_failure:
            uploader.finish("Continuous", "EndOfJob")
        elif all(code >= 0 for code in codes):
            uploader.finish("Continuous")

    def _watch(self) -> list[int]:
        """Wait for the containers; end all of them when one fails, time is up or somebody asks. Returns exit codes."""
        began, kill_at = time.monotonic(), None
        limit = self.record.max_runtime
        while True:
            codes = [host.poll() for host in self._hosts]
            if all(code is not None for code in codes):
                return [code for code in codes if code is not None]
            now = time.monotonic()
            if now - began > limit:
                self.stop("timeout")
            if any(codes):
                self.stop("sibling")
            if self._ending and kill_at is None:
                kill_at = now + self._config.grace
                for host in self._hosts:
                    host.terminate()
            if kill_at is not None and now > kill_at:
                for host in self._hosts:
                    host.kill()
            time.sleep(POLL_SECONDS)

    def _verdict(self, codes: list[int]) -> dict[str, Any]:
        """The terminal status and its reason."""
        if self._ending == "user":
            return {"ProcessingJobStatus": "Stopped"}
        if self._ending == "shutdown":
            return {"ProcessingJobStatus": "Failed", "FailureReason": INTERNAL_ERROR}
        if self._ending == "timeout":
            reason = f"ClientError: Job runtime exceeded MaxRuntimeInSeconds={self.record.max_runtime}"
            return {"ProcessingJobStatus": self._config.timeout_status, "FailureReason": reason}
        bad = [(host.host, code) for host, code in zip(self._hosts, codes, strict=True) if code != 0]
        if not bad:
            return {"ProcessingJobStatus": "Completed"}
        # Siblings die of the SIGTERM that the first failure caused; the one that exited by itself is the cause.
        host_name, code = next((item for item in bad if item[1] > 0), bad[0])
        shown = code if code > 0 else 128 - code
        reason = f"AlgorithmError: See job logs for more information. {host_name} exited with code {shown}"
        return {"ProcessingJobStatus": "Failed", "FailureReason": reason}

    def _exit_message(self) -> str:
        """The containers' /opt/ml/output/message files one after the other, cut at 1 KiB."""
        paths = [self.record.base(host) / "output/message" for host in self.record.hosts]
        text = "".join(path.read_bytes().decode("utf-8") for path in paths if path.is_file())
        return text.encode()[:1024].decode("utf-8", errors="ignore")
