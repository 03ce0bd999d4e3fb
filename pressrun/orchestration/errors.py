"""From Pressrun's errors to Airflow's: what a person must mend fails at once, what may pass is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from pressrun.core.errors import EngineError, PressrunError, StorageError


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Turn errors that no retry can cure into AirflowFailException, whose text is the sentence for people.

    Storage and engine errors pass as they are: Airflow retries them with its backoff.
    """
    try:
        yield
    except (StorageError, EngineError):
        raise
    except PressrunError as exc:
        raise AirflowFailException(str(exc)) from exc
