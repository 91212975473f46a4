"""The agent of a training job: channels in, the training contract of /opt/ml, model.tar.gz out."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from embedded_aws import artifacts, channels, processes, runtimes
from embedded_aws.agents.job import JobAgent, States, failure_of, instance_directory, memory_limit_bytes
from embedded_aws.agents.watch import Ending, Outcome
from embedded_aws.channels import Location
from embedded_aws.containers import ML, Specification, Workspace, base_environment
from embedded_aws.jobs import training
from embedded_aws.kinds import TRAINING_JOB
from embedded_aws.logs import TRAINING_GROUP
from embedded_aws.runtimes import Runtime
from embedded_aws.store import Document

LONGEST_FAILURE_BYTES = 8192
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
GROUP = "homogeneousCluster"
NETWORK_INTERFACE = "lo"


class TrainingAgent(JobAgent):
    """Looks after one training job."""

    kind = TRAINING_JOB
    states: ClassVar[States] = training
    log_group = TRAINING_GROUP

    def prepare(self) -> list[Specification]:
        """Fetch every channel and the script, and lay out /opt/ml for each instance."""
        self.change(training.prepare)
        image = self.document["AlgorithmSpecification"].get("TrainingImage", "")
        runtime = runtimes.find(runtimes.load(self.settings), image)
        self.change(training.download)
        hosts = self._hosts()
        specifications = []
        for host in hosts:
            workspace = Workspace(instance_directory(self.directory, host), self.isolation)
            self._lay_out(workspace, host, hosts)
            for channel in self.document.get("InputDataConfig", []):
                self._fetch_channel(workspace, channel)
                self.check_stop()
            if runtime.is_script_mode:
                self._fetch_script(workspace)
            specifications.append(self._specification(workspace, runtime, host, hosts))
        return specifications

    def begin(self) -> None:
        """The containers are about to start."""
        self.change(training.train)

    def metric_definitions(self) -> list[dict[str, str]]:
        """The request's own."""
        return list(self.document["AlgorithmSpecification"].get("MetricDefinitions", []))

    def collect(self, outcome: Outcome) -> None:
        """Upload the model and the output, and end the job as its containers ended."""
        workspace = Workspace(instance_directory(self.directory, self._hosts()[0]), self.isolation)
        is_good = outcome.ending is not Ending.MEMORY and (
            outcome.exit_code == 0 or outcome.ending in (Ending.STOPPED, Ending.RUNTIME)
        )
        self.change(training.upload)
        is_complete = is_good and outcome.ending is Ending.EXITED
        model = self._upload(workspace, "model", "model", even_empty=is_complete) if is_good else ""
        self._upload(workspace, "output/data", "output")

        def transition(document: Document, now: float) -> None:
            if model:
                document["ModelArtifacts"] = {"S3ModelArtifacts": model}
            if document[training.STATUS] == "Stopping":
                training.stop(document, now)
            elif outcome.ending is Ending.RUNTIME:
                training.exceed_runtime(document, now)
            elif is_good:
                training.complete(document, now)
            else:
                message = workspace.read_text("output/failure", LONGEST_FAILURE_BYTES)
                training.fail(document, failure_of(outcome, message, memory_limit_bytes(self.settings)), now)

        self.change(transition)

    def _hosts(self) -> list[str]:
        count = self.document["ResourceConfig"].get("InstanceCount", 1)
        return [f"algo-{number}" for number in range(1, count + 1)]

    def _lay_out(self, workspace: Workspace, host: str, hosts: list[str]) -> None:
        """Directories and configuration files.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
        """
        for name in ("model", "code", "input/data", "input/config", "output/data"):
            workspace.directory(name)
        instance_type = self.document["ResourceConfig"].get("InstanceType", "local")
        workspace.write_config("input/config/hyperparameters.json", self.document.get("HyperParameters", {}))
        workspace.write_config(
            "input/config/inputdataconfig.json",
            {
                channel["ChannelName"]: _input_config(channel)
                for channel in self.document.get("InputDataConfig", [])
            },
        )
        workspace.write_config(
            "input/config/resourceconfig.json",
            {
                "current_host": host,
                "current_instance_type": instance_type,
                "current_group_name": GROUP,
                "hosts": hosts,
                "instance_groups": [
                    {"instance_group_name": GROUP, "instance_type": instance_type, "hosts": hosts}
                ],
                "network_interface_name": NETWORK_INTERFACE,
            },
        )

    def _fetch_channel(self, workspace: Workspace, channel: dict[str, Any]) -> None:
        source = channel["DataSource"]["S3DataSource"]
        target = workspace.directory(f"input/data/{channel['ChannelName']}")
        prefix = Location.parse(source["S3Uri"])
        files = channels.list_files(self.s3, prefix)
        channels.download(self.s3, prefix.bucket, files, target)

    def _fetch_script(self, workspace: Workspace) -> None:
        """Unpack the submitted sources into /opt/ml/code, as script mode finds them."""
        submitted = _decoded(self.document.get("HyperParameters", {}).get(SUBMIT_DIRECTORY, ""))
        if not submitted.startswith("s3://"):
            return
        archive = self.directory / "sourcedir.tar.gz"
        channels.download_one(self.s3, submitted, archive)
        artifacts.unpack(archive, workspace.directory("code"))

    def _specification(
        self, workspace: Workspace, runtime: Runtime, host: str, hosts: list[str]
    ) -> Specification:
        algorithm = self.document["AlgorithmSpecification"]
        arguments = list(algorithm.get("ContainerArguments", []))
        command = list(algorithm.get("ContainerEntrypoint", [])) or runtime.train_command
        home = workspace.ml.parent / "home"
        environment = {
            **base_environment(self.settings, runtime, home, self.threads(), self.arn),
            "SAGEMAKER_BASE_DIR": ML,
            "TRAINING_JOB_NAME": self.name,
            "TRAINING_JOB_ARN": self.arn,
            **self.document.get("Environment", {}),
            **processes.marks(self.settings.home, "container", self.arn),
        }
        return Specification(
            argv=command + arguments,
            environment=environment,
            ml=workspace.ml,
            directory=f"{ML}/code" if runtime.is_script_mode else ML,
            hostname=host,
            host_names=tuple(hosts),
        )

    def _upload(self, workspace: Workspace, directory: str, name: str, even_empty: bool = False) -> str:
        """Store a directory as <name>.tar.gz below the job's output path; its address, if it was stored."""
        archive = self.directory / f"{name}.tar.gz"
        if not artifacts.pack(workspace.ml / directory, archive) and not even_empty:
            return ""
        location = Location.parse(self.document["OutputDataConfig"]["S3OutputPath"])
        location = location.below(f"{self.name}/output/{name}.tar.gz")
        channels.upload(self.s3, archive, location)
        return str(location)


def _input_config(channel: dict[str, Any]) -> dict[str, str]:
    source = channel["DataSource"].get("S3DataSource", {})
    config = {
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {"ContentType": channel["ContentType"], **config} if "ContentType" in channel else config


def _decoded(value: str) -> str:
    """A hyperparameter of script mode: JSON, or as it stands."""
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, str) else value
