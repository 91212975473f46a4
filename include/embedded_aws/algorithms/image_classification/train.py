"""The program of a training job: `python -m embedded_aws.algorithms.image_classification.train`.

Reads /opt/ml/input as the service lays it out, writes /opt/ml/model, and ends with exit code 2 and
/opt/ml/output/failure where the customer must act.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedded_aws.algorithms.catalog import CUSTOMER_ERROR_EXIT
from embedded_aws.algorithms.image_classification import data, hyperparameters, log, starting
from embedded_aws.algorithms.image_classification.data import ImageFiles
from embedded_aws.algorithms.image_classification.failures import CustomerError, write_failure
from embedded_aws.algorithms.image_classification.hyperparameters import Hyperparameters
from embedded_aws.algorithms.image_classification.training import Training

DEFAULT_BASE = "/opt/ml"


def main(environment: Mapping[str, str] | None = None) -> int:
    """Train; the exit code."""
    variables = os.environ if environment is None else environment
    base = Path(variables.get("SAGEMAKER_BASE_DIR", DEFAULT_BASE))
    output = log.opened()
    try:
        train(base, variables, output)
    except CustomerError as error:
        output.error("Customer Error: %s", error)
        write_failure(base, str(error))
        return CUSTOMER_ERROR_EXIT
    except Exception as error:  # noqa: BLE001 - the job ends here, whatever it is
        traceback.print_exc()
        write_failure(base, f"{type(error).__name__}: {error}")
        return 1
    return 0


def train(base: Path, variables: Mapping[str, str], output: logging.Logger) -> None:
    """Train as /opt/ml/input/config says.

    Raises:
        CustomerError: the request or the data is not as it must be.
    """
    given, channels = _config(base, "hyperparameters"), _config(base, "inputdataconfig")
    output.info("Reading provided configuration from %s: %s", _path(base, "hyperparameters"), given)
    parameters = hyperparameters.parse(given)
    _report(parameters, output)
    hosts = _config(base, "resourceconfig").get("hosts", [])
    if len(hosts) > 1:
        raise CustomerError(
            "InstanceCount", len(hosts), "1: training on several is not served here", "Set it."
        )
    train_source = data.open_channel(base, "train", channels)
    if parameters.resize is None and isinstance(train_source, ImageFiles):
        expected = "pixels of the shortest side, where images are read from files"
        raise CustomerError("Hyperparameter resize", "missing", expected, "Add it.")
    validation_source = data.open_channel(base, "validation", channels)
    begin = starting.model_of(base, parameters, channels, variables)
    Training(parameters, begin, base / "model", output).run(train_source, validation_source)


def _report(parameters: Hyperparameters, output: logging.Logger) -> None:
    shown = hyperparameters.shown(parameters)
    output.info("Final configuration: %s", shown)
    output.info("---- Parameters ----")
    for name, value in shown.items():
        output.info("%s: %s", name, value)
    if parameters.checkpoint_frequency is None:
        output.info("checkpoint_frequency not set, will store the best model")
    output.info("--------------------")


def _config(base: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_path(base, name).read_text(encoding="utf-8"))
    return content


def _path(base: Path, name: str) -> Path:
    return base / "input/config" / f"{name}.json"


if __name__ == "__main__":
    sys.exit(main())
