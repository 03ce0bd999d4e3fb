"""The container's last words, from CloudWatch Logs. Best effort: a log that cannot be read hides no failure."""

from __future__ import annotations

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from botocore.exceptions import BotoCoreError, ClientError

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"


def last_lines(hook: AwsLogsHook, job: str, *, count: int = 40) -> list[str]:
    """The last lines that the job's containers wrote, oldest first; one line that says why where there are none."""
    try:
        client = hook.get_conn()
        streams = client.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/", limit=50)
        lines: list[str] = []
        for stream in streams["logStreams"]:
            answer = client.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], limit=count, startFromHead=False
            )
            lines += [str(event["message"]).rstrip("\n") for event in answer["events"]]
    except (BotoCoreError, ClientError, OSError) as exc:
        return [f"(the container's log could not be read: {exc})"]
    return lines[-count:] or ["(the container wrote no log)"]
