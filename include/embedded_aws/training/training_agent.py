"""Agent of a training job: downloads channels, runs the container, uploads model.tar.gz."""

from __future__ import annotations

import json
import time
from typing import Any

from embedded_aws.algorithms.catalog import CUSTOMER_ERROR_EXIT
from embedded_aws.cloudwatch.logs import TRAINING_GROUP
from embedded_aws.containers import runtimes
from embedded_aws.containers.container import ML, Specification, Workspace
from embedded_aws.containers.runtimes import Runtime
from embedded_aws.jobs import failure
from embedded_aws.jobs.cluster import Instance, resource_config
from embedded_aws.jobs.container_agent import ContainerJobAgent
from embedded_aws.jobs.input_channel import Channel
from embedded_aws.jobs.input_sources import Share
from embedded_aws.jobs.watch import Ending, Outcome
from embedded_aws.s3 import artifacts, transfer
from embedded_aws.s3.mirror import Mirror
from embedded_aws.s3.transfer import Location
from embedded_aws.store.resources import Document
from embedded_aws.training.training_states import CHECKPOINTS, STATES
from embedded_aws.wire import fault_injection

LONGEST_FAILURE_BYTES = 8192
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
NETWORK_INTERFACE = "lo"
ASKED_TO_END = (Ending.STOPPED, Ending.RUNTIME, Ending.WAIT)


class TrainingAgent(ContainerJobAgent):
    """Looks after one training job."""

    states = STATES
    log_group = TRAINING_GROUP

    def resources(self) -> dict[str, Any]:
        """The request's ResourceConfig."""
        return dict(self.document["ResourceConfig"])

    def prepare(self) -> list[Specification]:
        """Fetch every channel and the script, and lay out /opt/ml for each instance."""
        self.change(STATES.start)
        runtime = self._runtime()
        self.change(STATES.download)
        specifications = []
        for instance in self.cluster:
            workspace = self.workspace(instance)
            self._lay_out(workspace, instance)
            for channel in self._channels_of(instance):
                self._deliver(workspace, instance, channel)
                self.check_stop()
            if runtime.is_script_mode:
                self._fetch_script(workspace)
            specifications.append(self._specification(workspace, runtime, instance))
        self._restore_checkpoints()
        return specifications

    def begin(self) -> None:
        """The containers are about to start."""
        self.change(STATES.train)

    def metric_definitions(self) -> list[dict[str, str]]:
        """The request's own."""
        return list(self.document["AlgorithmSpecification"].get("MetricDefinitions", []))

    def failure_of(self, outcome: Outcome, message: str) -> str:
        """One of the service's own algorithms also tells what its customer did wrong."""
        if outcome.exit_code == CUSTOMER_ERROR_EXIT and message and self._runtime().algorithm:
            return failure.customer_error(message, CUSTOMER_ERROR_EXIT)
        return super().failure_of(outcome, message)

    def wanted_ending(self, elapsed_s: float) -> Ending | None:
        """Spot instances are also interrupted, and wait for no more than their time."""
        ending = super().wanted_ending(elapsed_s)
        if ending is not Ending.STOPPED and STATES.is_overdue(self.document, time.time()):
            ending = Ending.WAIT
        if ending in (Ending.RUNTIME, Ending.WAIT):
            self.change(STATES.ask_to_stop)
        if ending is None and STATES.is_spot(self.document):
            fault = fault_injection.take(self.store, fault_injection.SPOT_INTERRUPTION, self.name)
            return Ending.INTERRUPTED if fault else None
        return ending

    def collect(self, outcome: Outcome) -> None:
        """Upload the model and the output, and end the job as its containers ended."""
        if outcome.ending is Ending.INTERRUPTED and not self.is_stop_asked():
            self.change(STATES.interrupt)
            return
        is_complete = outcome.ending is Ending.EXITED and outcome.exit_code == 0
        self.change(STATES.upload)
        has_model = is_complete or outcome.ending in ASKED_TO_END
        model = self._upload_model(even_empty=is_complete) if has_model else ""
        self._upload_archive("output/data", "output")

        def transition(document: Document, now: float) -> None:
            if model:
                document["ModelArtifacts"] = {"S3ModelArtifacts": model}
            if outcome.ending is Ending.RUNTIME:
                STATES.exceed_runtime(document, now)
            elif outcome.ending is Ending.WAIT:
                STATES.exceed_wait(document, now)
            elif STATES.is_stopping(document):
                STATES.stop(document, now)
            elif is_complete:
                STATES.complete(document, now)
            else:
                workspace = self.workspace(self.cluster[outcome.number])
                message = workspace.read_text("output/failure", LONGEST_FAILURE_BYTES)
                STATES.fail(document, self.failure_of(outcome, message), now)

        self.change(transition)

    def _runtime(self) -> Runtime:
        image = self.document["AlgorithmSpecification"].get("TrainingImage", "")
        return runtimes.find(runtimes.load(self.settings), image)

    def _channels_of(self, instance: Instance) -> list[dict[str, Any]]:
        """The channels whose data goes to the instance's group."""
        return [
            channel
            for channel in self.document.get("InputDataConfig", [])
            if instance.group in _groups_of(channel, instance.group)
        ]

    def _lay_out(self, workspace: Workspace, instance: Instance) -> None:
        """Directories and configuration files.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
        """
        for name in ("model", "code", "input/data", "input/config", "output/data"):
            workspace.directory(name)
        workspace.write_config("input/config/hyperparameters.json", self.document.get("HyperParameters", {}))
        workspace.write_config(
            "input/config/inputdataconfig.json",
            {channel["ChannelName"]: self._input_config(channel) for channel in self._channels_of(instance)},
        )
        workspace.write_config(
            "input/config/resourceconfig.json", resource_config(self.cluster, instance, NETWORK_INTERFACE)
        )

    def _input_config(self, channel: dict[str, Any]) -> dict[str, str]:
        config = {
            "TrainingInputMode": channel.get("InputMode", self._input_mode()),
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        return {"ContentType": channel["ContentType"], **config} if "ContentType" in channel else config

    def _input_mode(self) -> str:
        return str(self.document["AlgorithmSpecification"].get("TrainingInputMode", "File"))

    def _deliver(self, workspace: Workspace, instance: Instance, channel: dict[str, Any]) -> None:
        """Bring the instance its share of the channel, or begin to feed its pipe."""
        readers = [other for other in self.cluster if other.group in _groups_of(channel, other.group)]
        share = Share(readers.index(instance), len(readers))
        target = workspace.ml / "input/data" / channel["ChannelName"]
        self.feeders += Channel.of_training(channel, self._input_mode()).deliver(self.s3, target, share)

    def _fetch_script(self, workspace: Workspace) -> None:
        """Unpack the submitted sources into /opt/ml/code, as script mode finds them."""
        submitted = _decoded(self.document.get("HyperParameters", {}).get(SUBMIT_DIRECTORY, ""))
        if not submitted.startswith("s3://"):
            return
        archive = self.directory / "sourcedir.tar.gz"
        transfer.download_one(self.s3, submitted, archive)
        artifacts.unpack(archive, workspace.directory("code"))

    def _restore_checkpoints(self) -> None:
        """Bring every instance the checkpoints there are, and keep S3 like what it makes of them."""
        config = self.document.get("CheckpointConfig")
        if config is None:
            return
        path = config.get("LocalPath", CHECKPOINTS).removeprefix(f"{ML}/")
        prefix = Location.parse(config["S3Uri"].rstrip("/") + "/")
        directories = [self.workspace(instance).directory(path) for instance in self.cluster]
        files = transfer.list_files(self.s3, prefix, may_be_empty=True)
        for directory in directories:
            transfer.download(self.s3, prefix.bucket, files, directory)
        self.mirrors.append(Mirror(self.s3, directories, prefix))

    def _specification(self, workspace: Workspace, runtime: Runtime, instance: Instance) -> Specification:
        algorithm = self.document["AlgorithmSpecification"]
        own = {"SAGEMAKER_BASE_DIR": ML, "TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.arn}
        command = list(algorithm.get("ContainerEntrypoint", [])) or runtime.train_command
        return Specification(
            argv=command + list(algorithm.get("ContainerArguments", [])),
            environment=self.environment(workspace, runtime, own),
            ml=workspace.ml,
            directory=f"{ML}/code" if runtime.is_script_mode else ML,
            hostname=instance.host,
            host_names=tuple(other.host for other in self.cluster),
        )

    def _upload_model(self, even_empty: bool) -> str:
        """Store what all instances left in /opt/ml/model, packed unless the request says otherwise."""
        if self.document["OutputDataConfig"].get("CompressionType") != "NONE":
            return self._upload_archive("model", "model", even_empty)
        location = self._output("model/")
        for instance in reversed(self.cluster):  # the first one's files stay
            transfer.upload_tree(self.s3, self.workspace(instance).ml / "model", location)
        return str(location)

    def _upload_archive(self, directory: str, name: str, even_empty: bool = False) -> str:
        """Store a directory of all instances as <name>.tar.gz; its address, if it was stored."""
        archive = self.directory / f"{name}.tar.gz"
        directories = [self.workspace(instance).ml / directory for instance in self.cluster]
        if not artifacts.pack_all(directories, archive) and not even_empty:
            return ""
        location = self._output(f"{name}.tar.gz")
        transfer.upload(self.s3, archive, location)
        return str(location)

    def _output(self, name: str) -> Location:
        path = Location.parse(self.document["OutputDataConfig"]["S3OutputPath"])
        return path.below(f"{self.name}/output/{name}")


def _groups_of(channel: dict[str, Any], default: str) -> list[str]:
    """The instance groups a channel goes to: those it names, or any."""
    return channel["DataSource"]["S3DataSource"].get("InstanceGroupNames") or [default]


def _decoded(value: str) -> str:
    """A hyperparameter of script mode: JSON, or as it stands."""
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, str) else value
