"""Base of the agents that run containers: training and processing jobs."""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from embedded_aws.cloudwatch import metrics
from embedded_aws.cloudwatch.logs import StreamName, StreamWriter
from embedded_aws.containers.container import Container, Specification, Workspace, base_environment
from embedded_aws.containers.runtimes import Runtime
from embedded_aws.jobs import failure
from embedded_aws.jobs.cluster import Instance, instances
from embedded_aws.jobs.job_agent import JobAgent
from embedded_aws.jobs.pipe import Feeder
from embedded_aws.jobs.watch import Ending, Limits, Outcome, Watch
from embedded_aws.s3.mirror import Mirror
from embedded_aws.settings import Settings
from embedded_aws.store.resources import Document, Store
from embedded_aws.supervision import processes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class ContainerJobAgent(JobAgent):
    """Runs the containers of a job, one an instance; a subclass knows its inputs and outputs."""

    def __init__(self, settings: Settings, store: Store, s3: S3Client, isolation: str, name: str) -> None:
        super().__init__(settings, store, s3, isolation, name)
        self.feeders: list[Feeder] = []
        self.mirrors: list[Mirror] = []
        self._watch: Watch | None = None

    @abstractmethod
    def resources(self) -> dict[str, Any]:
        """The member that says how many instances of which type there are."""

    @abstractmethod
    def prepare(self) -> list[Specification]:
        """Fetch the inputs and say what to run, one container an instance."""

    def begin(self) -> None:
        """The containers are about to start."""

    @abstractmethod
    def collect(self, outcome: Outcome) -> None:
        """Store what the containers left and bring the job to its final status."""

    def metric_definitions(self) -> list[dict[str, str]]:
        """The regular expressions to look for in the log."""
        return []

    def wanted_ending(self, elapsed_s: float) -> Ending | None:
        """Why the containers, which have run so long, must end now; None to let them run.

        Raises:
            DownloadError: what they read from a pipe cannot be fetched.
        """
        for feeder in self.feeders:
            feeder.check()
        if self.is_stop_asked():
            return Ending.STOPPED
        return Ending.RUNTIME if elapsed_s > self.states.max_runtime_s(self.document) else None

    @cached_property
    def cluster(self) -> list[Instance]:
        """The instances of the job."""
        return instances(self.resources())

    def workspace(self, instance: Instance) -> Workspace:
        """The directory an instance sees at /opt/ml."""
        ml = self.directory / instance.host / "ml"
        ml.mkdir(parents=True, exist_ok=True)
        return Workspace(ml, self.isolation)

    def environment(self, workspace: Workspace, runtime: Runtime, *own: Mapping[str, str]) -> dict[str, str]:
        """The environment of an instance: the common one, the sort of job's own, and the request's."""
        threads = max(1, self.threads() // len(self.cluster))
        home = workspace.ml.parent / "home"
        variables = base_environment(self.settings, runtime, home, threads, self.arn)
        for layer in (*own, self.document.get("Environment", {})):
            variables.update(layer)
        return {**variables, **processes.marks(self.settings.home, "container", self.arn)}

    def failure_of(self, outcome: Outcome, message: str) -> str:
        """The reason of a job whose containers ended badly."""
        if outcome.ending is Ending.MEMORY:
            limit = memory_limit_bytes(self.settings) // 2**20
            message = f"the containers used more than {limit} MB of memory and were killed"
            return failure.algorithm_error(message, failure.OUT_OF_MEMORY_EXIT)
        return failure.algorithm_error(message, outcome.exit_code)

    def work(self) -> None:
        """Inputs in, containers to their end, outputs out."""
        specifications = self.prepare()
        self.check_stop()
        self.begin()
        writers = [StreamWriter(self.settings, name) for name in self._streams()]
        containers = [Container(specification, self.isolation) for specification in specifications]
        self._watch = Watch(containers, writers, metrics.Extractor(self.metric_definitions()))
        limits = Limits(memory_limit_bytes(self.settings), self.settings.stop_grace_s)
        outcome = self._watch.run(limits, self.wanted_ending, self._take_points)
        for writer in writers:
            writer.close()
        for mirror in self.mirrors:
            mirror.close()
        self.collect(outcome)

    def release(self) -> None:
        """Kill what runs."""
        if self._watch is not None:
            self._watch.kill()

    def _streams(self) -> list[StreamName]:
        """New log streams, `<job>/<host>-<seconds since the epoch>`: an attempt has its own."""
        epoch = int(time.time())
        while True:
            names = [
                StreamName(self.log_group, f"{self.name}/{instance.host}-{epoch}")
                for instance in self.cluster
            ]
            if not any(name.file(self.settings).exists() for name in names):
                return names
            epoch += 1

    def _take_points(self, points: list[metrics.Point]) -> None:
        metrics.record(self.store, self.arn, points)

        def show(document: Document) -> None:
            document["FinalMetricDataList"] = metrics.final(self.store, self.arn, document["CreationTime"])

        self.store.update(self.kind, self.name, show)


def memory_limit_bytes(settings: Settings) -> int:
    """What the containers of a job may use: the setting, or nine tenths of the machine's memory."""
    if settings.memory_limit_mb:
        return settings.memory_limit_mb * 2**20
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 9 // 10
