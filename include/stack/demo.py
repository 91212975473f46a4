"""`make demo`: runs the pipeline for real on one partition and shows the results."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import botocore.exceptions

from stack import partition as partitions, prediction_api, results, sample, services, summary
from stack.chain import DAG_IDS, Follower
from stack.clients import connect
from stack.console import say
from stack.display import Display
from stack.errors import DemoFailed
from stack.joblogs import JobLogs
from stack.settings import StackSettings


def run(settings: StackSettings, *, archive: str | None, split: str | None, partition: str | None) -> None:
    """Start the services that do not run, take one archive through all DAGs, and print the summary.

    Args:
        settings: of the stack.
        archive: a path or `kaggle://…`, `https://…`, `s3://…`, `synthetic://…`; None: a generated sample.
        split: a CSV of patients and their splits, by path or address; None splits by seed and shares.
        partition: the month to run; None chooses one.

    Raises:
        StackError: a service does not start, a task failed, or it takes too long.
    """
    started = time.monotonic()
    source = partitions.find_archive(archive)
    given_split = partitions.find_split(split)
    services.up(settings, [name for name in services.chosen(settings, ()) if name != "api"])
    clients = connect(settings)
    began = datetime.now(UTC)
    choice = partitions.choose(source, partition, partitions.read_snapshots(clients), began.date())
    say(f"\narchive    {source.uri}{'' if archive else '   SYNTHETIC DATA'}")
    if given_split:
        say(f"split      {given_split}")
    say(f"partition  {choice.partition}: {choice.reason}", hang=11)
    say(f"pipeline   {settings.airflow_url}/assets shows it in Airflow\n")
    with services.api(settings) as api, Display() as display:
        logs = JobLogs(clients, began)
        follower = Follower(api, logs, display, settings.demo_timeout_s, is_reused=choice.is_reused)
        follower.wait_until_known(DAG_IDS)
        first_run = api.trigger(DAG_IDS[0], choice.partition, {"archive": source.uri, "split": given_split})
        services.up(settings, ["api"])  # the pipeline does not need it, so it starts while the first DAG runs
        follower.follow(first_run, DAG_IDS)
    try:
        gathered = results.gather(clients, choice.partition, began)
        patch = sample.write_patch(settings, clients, gathered.index)
    except botocore.exceptions.BotoCoreError as error:
        raise DemoFailed(
            f"results of {choice.partition}: {error}, expected an answer. All DAGs have ended in Airflow "
            f"({settings.airflow_url}): see `make status`, then run `make demo` again."
        ) from error
    summary.show(settings, gathered, patch, prediction_api.readiness(settings))
    say(f"\nDone in {time.monotonic() - started:.0f} s.")
