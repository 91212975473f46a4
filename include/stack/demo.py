"""`make demo`: runs the pipeline for real on one partition and shows what came of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from stack import partition as partitions, results, sample, services, summary
from stack.chain import DAG_IDS, Follower
from stack.clients import connect
from stack.console import say
from stack.joblogs import JobLogs
from stack.settings import StackSettings


def run(settings: StackSettings, *, archive: str | None, split: str | None, partition: str | None) -> None:
    """Start what does not run, take one archive through all DAGs, and print the summary.

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
    services.up(settings)
    clients = connect(settings)
    began = datetime.now(UTC)
    choice = partitions.choose(source, partition, partitions.read_snapshots(clients), began.date())
    say(f"\narchive    {source.uri}{'' if archive else '   SYNTHETIC DATA'}")
    if given_split:
        say(f"split      {given_split}")
    say(f"partition  {choice.partition}: {choice.reason}\n")
    with services.api(settings) as api:
        follower = Follower(api, JobLogs(clients, began), settings.demo_timeout_s)
        follower.wait_until_known(DAG_IDS)
        first_run = api.trigger(DAG_IDS[0], choice.partition, {"archive": source.uri, "split": given_split})
        follower.follow(first_run, DAG_IDS)
    gathered = results.gather(clients, choice.partition, began)
    patch = sample.write_patch(settings, clients, gathered.index)
    summary.show(settings, gathered, patch, sample.lines(settings, patch))
    say(f"\nDone in {time.monotonic() - started:.0f} s.")
