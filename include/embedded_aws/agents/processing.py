"""The agent of a processing job: inputs in, the processing contract of /opt/ml, outputs out."""

from __future__ import annotations

from typing import Any, ClassVar

from embedded_aws import channels, processes, runtimes
from embedded_aws.agents.job import JobAgent, States, failure_of, instance_directory, memory_limit_bytes
from embedded_aws.agents.watch import Ending, Outcome
from embedded_aws.channels import Location
from embedded_aws.containers import ML, Specification, Workspace, base_environment
from embedded_aws.errors import DownloadError
from embedded_aws.jobs import processing
from embedded_aws.kinds import PROCESSING_JOB
from embedded_aws.logs import PROCESSING_GROUP
from embedded_aws.store import Document

LONGEST_MESSAGE_BYTES = 4096
SEE_LOGS = "See job logs for more information"


class ProcessingAgent(JobAgent):
    """Looks after one processing job."""

    kind = PROCESSING_JOB
    states: ClassVar[States] = processing
    log_group = PROCESSING_GROUP

    def prepare(self) -> list[Specification]:
        """Fetch every input and lay out /opt/ml for each instance."""
        self.change(processing.start)
        image = self.document["AppSpecification"]["ImageUri"]
        runtime = runtimes.find(runtimes.load(self.settings), image)
        hosts = self._hosts()
        specifications = []
        for host in hosts:
            workspace = Workspace(instance_directory(self.directory, host), self.isolation)
            self._lay_out(workspace, host, hosts)
            for item in self.document.get("ProcessingInputs", []):
                self._fetch(workspace, item)
                self.check_stop()
            specifications.append(self._specification(workspace, runtime, host, hosts))
        return specifications

    def collect(self, outcome: Outcome) -> None:
        """Upload the outputs of a good end, and end the job as its containers ended."""
        workspace = Workspace(instance_directory(self.directory, self._hosts()[0]), self.isolation)
        is_good = outcome.ending is Ending.EXITED and outcome.exit_code == 0
        if is_good:
            for output in self.document.get("ProcessingOutputConfig", {}).get("Outputs", []):
                self._upload(output)
        message = workspace.read_text("output/message", LONGEST_MESSAGE_BYTES)

        def transition(document: Document, now: float) -> None:
            processing.note_exit(document, message)
            if document[processing.STATUS] == "Stopping":
                processing.stop(document, now)
            elif outcome.ending is Ending.RUNTIME:
                processing.exceed_runtime(document, now)
            elif is_good:
                processing.complete(document, now)
            else:
                why = failure_of(outcome, message or SEE_LOGS, memory_limit_bytes(self.settings))
                processing.fail(document, why, now)

        self.change(transition)

    def _hosts(self) -> list[str]:
        count = self.document["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
        return [f"algo-{number}" for number in range(1, count + 1)]

    def _lay_out(self, workspace: Workspace, host: str, hosts: list[str]) -> None:
        """Directories and configuration files.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
        """
        workspace.directory("output")
        workspace.directory("processing")
        for output in self.document.get("ProcessingOutputConfig", {}).get("Outputs", []):
            workspace.directory(_relative(output["S3Output"]["LocalPath"]))
        shown = {name: value for name, value in self.document.items() if not name.startswith("_")}
        workspace.write_config("config/processingjobconfig.json", shown)
        workspace.write_config("config/resourceconfig.json", {"current_host": host, "hosts": hosts})

    def _fetch(self, workspace: Workspace, item: dict[str, Any]) -> None:
        source = item.get("S3Input")
        if source is None:
            raise DownloadError(f"Input {item['InputName']}: only S3Input is served here, expected one.")
        prefix = Location.parse(source["S3Uri"])
        target = workspace.directory(_relative(source["LocalPath"]))
        channels.download(self.s3, prefix.bucket, channels.list_files(self.s3, prefix), target)

    def _specification(
        self, workspace: Workspace, runtime: runtimes.Runtime, host: str, hosts: list[str]
    ) -> Specification:
        application = self.document["AppSpecification"]
        command = list(application.get("ContainerEntrypoint", [])) or [str(runtime.python)]
        home = workspace.ml.parent / "home"
        environment = {
            **base_environment(self.settings, runtime, home, self.threads(), self.arn),
            "PROCESSING_JOB_NAME": self.name,
            "PROCESSING_JOB_ARN": self.arn,
            **self.document.get("Environment", {}),
            **processes.marks(self.settings.home, "container", self.arn),
        }
        return Specification(
            argv=command + list(application.get("ContainerArguments", [])),
            environment=environment,
            ml=workspace.ml,
            hostname=host,
            host_names=tuple(hosts),
        )

    def _upload(self, output: dict[str, Any]) -> None:
        target = output["S3Output"]
        for host in self._hosts():
            directory = instance_directory(self.directory, host) / _relative(target["LocalPath"])
            channels.upload_tree(self.s3, directory, Location.parse(target["S3Uri"]))


def _relative(path: str) -> str:
    """A path below /opt/ml as one below the directory that stands for it."""
    return path.removeprefix(f"{ML}/")
