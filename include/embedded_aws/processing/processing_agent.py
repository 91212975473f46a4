"""Agent of a processing job: downloads inputs, runs the container, uploads outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedded_aws.cloudwatch.logs import PROCESSING_GROUP
from embedded_aws.containers import runtimes
from embedded_aws.containers.container import ML, Specification, Workspace
from embedded_aws.containers.runtimes import Runtime
from embedded_aws.jobs.cluster import Instance
from embedded_aws.jobs.container_agent import ContainerJobAgent
from embedded_aws.jobs.input_channel import Channel
from embedded_aws.jobs.input_sources import Share
from embedded_aws.jobs.watch import Ending, Outcome
from embedded_aws.processing.processing_states import STATES
from embedded_aws.s3 import transfer
from embedded_aws.s3.mirror import Mirror
from embedded_aws.s3.transfer import Location
from embedded_aws.store.resources import Document

LONGEST_MESSAGE_BYTES = 4096
SEE_LOGS = "See job logs for more information"
CONTINUOUS = "Continuous"


class ProcessingAgent(ContainerJobAgent):
    """Looks after one processing job."""

    states = STATES
    log_group = PROCESSING_GROUP

    def resources(self) -> dict[str, Any]:
        """The request's ClusterConfig."""
        return dict(self.document["ProcessingResources"]["ClusterConfig"])

    def prepare(self) -> list[Specification]:
        """Fetch every input and lay out /opt/ml for each instance."""
        self.change(STATES.start)
        image = self.document["AppSpecification"]["ImageUri"]
        runtime = runtimes.find(runtimes.load(self.settings), image)
        specifications = []
        for number, instance in enumerate(self.cluster):
            workspace = self.workspace(instance)
            self._lay_out(workspace, instance)
            for item in self.document.get("ProcessingInputs", []):
                target = workspace.ml / _relative(item["S3Input"]["LocalPath"])
                channel = Channel.of_processing(item["S3Input"])
                self.feeders += channel.deliver(self.s3, target, Share(number, len(self.cluster)))
                self.check_stop()
            specifications.append(self._specification(workspace, runtime, instance))
        return specifications

    def begin(self) -> None:
        """Follow the outputs that are uploaded as they are written."""
        for target in self._targets():
            if target["S3UploadMode"] == CONTINUOUS:
                directories = self._directories(target)
                self.mirrors.append(Mirror(self.s3, directories, Location.parse(target["S3Uri"])))

    def collect(self, outcome: Outcome) -> None:
        """Upload the outputs of a good end, and end the job as its containers ended."""
        is_good = outcome.ending is Ending.EXITED and outcome.exit_code == 0
        if is_good:
            for target in self._targets():
                if target["S3UploadMode"] != CONTINUOUS:
                    for directory in reversed(self._directories(target)):  # the first one's files stay
                        transfer.upload_tree(self.s3, directory, Location.parse(target["S3Uri"]))
        message = self._message(outcome)

        def transition(document: Document, now: float) -> None:
            STATES.note_exit(document, message)
            if STATES.is_stopping(document):
                STATES.stop(document, now)
            elif outcome.ending is Ending.RUNTIME:
                STATES.exceed_runtime(document, now)
            elif is_good:
                STATES.complete(document, now)
            else:
                STATES.fail(document, self.failure_of(outcome, message or SEE_LOGS), now)

        self.change(transition)

    def _message(self, outcome: Outcome) -> str:
        """What an instance wrote to /opt/ml/output/message: the one that failed, or the first that did."""
        failed = self.cluster[outcome.number]
        texts = [
            self.workspace(instance).read_text("output/message", LONGEST_MESSAGE_BYTES)
            for instance in (failed, *self.cluster)
        ]
        return next(filter(None, texts), "")

    def _targets(self) -> list[dict[str, Any]]:
        """The S3Output of every output."""
        outputs = self.document.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [output["S3Output"] for output in outputs]

    def _directories(self, target: dict[str, Any]) -> list[Path]:
        """Where the instances write an output."""
        path = _relative(target["LocalPath"])
        return [self.workspace(instance).ml / path for instance in self.cluster]

    def _lay_out(self, workspace: Workspace, instance: Instance) -> None:
        """Directories and configuration files.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
        """
        workspace.directory("output")
        workspace.directory("processing")
        for target in self._targets():
            workspace.directory(_relative(target["LocalPath"]))
        shown = {name: value for name, value in self.document.items() if not name.startswith("_")}
        workspace.write_config("config/processingjobconfig.json", shown)
        hosts = [other.host for other in self.cluster]
        workspace.write_config("config/resourceconfig.json", {"current_host": instance.host, "hosts": hosts})

    def _specification(self, workspace: Workspace, runtime: Runtime, instance: Instance) -> Specification:
        application = self.document["AppSpecification"]
        command = list(application.get("ContainerEntrypoint", [])) or [str(runtime.python)]
        own = {"PROCESSING_JOB_NAME": self.name, "PROCESSING_JOB_ARN": self.arn}
        return Specification(
            argv=command + list(application.get("ContainerArguments", [])),
            environment=self.environment(workspace, runtime, own),
            ml=workspace.ml,
            hostname=instance.host,
            host_names=tuple(other.host for other in self.cluster),
        )


def _relative(path: str) -> str:
    """A path below /opt/ml as one below the directory that stands for it."""
    return path.removeprefix(f"{ML}/")
