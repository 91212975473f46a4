"""Write what follows from the variants: the runtimes of the embedded AWS, and whose images a role may pull.

    PYTHONPATH=include python -m stack.runtimes

brings `deploy/docker/runtimes.toml` and `deploy/iam/sagemaker-execution.json` up to date.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from idc.variants.all import VARIANTS
from idc.variants.variant import Variant
from stack import paths

IN_DOCKER = Path("/opt/histoflow")
DOCKER = "deploy/docker/runtimes.toml"
POLICY = "deploy/iam/sagemaker-execution.json"
WEIGHTS = "IMAGE_CLASSIFICATION_PRETRAINED"  # where the twin finds pretrained weights
_PULLED = "arn:aws:ecr:REGION:*:repository/"


def table(python: Callable[[str], str], include: Path = paths.INCLUDE, *, weights: Path | None = None) -> str:
    """Return the runtimes as TOML.

    `python` gives the interpreter of an environment by its name; `include` is the library's folder there;
    `weights` is the folder of the built-in algorithm's pretrained weights, if there is one.
    """
    return "\n".join(_entry(fields, weights) for fields in _runtimes(python, include))


def policy(text: str, variants: Mapping[str, Variant] = VARIANTS) -> str:
    """Return the execution role's policy `text` with the repositories of the variants' images."""
    found = json.loads(text)
    images = [image for one in variants.values() for image in (one.training_image, one.inference_image)]
    for statement in found["Statement"]:
        if statement["Sid"] == "Images":
            statement["Resource"] = sorted({_PULLED + image.repository for image in images})
    return json.dumps(found, indent=2) + "\n"


def files(root: Path) -> dict[str, str]:
    """Return the content of the generated files of a repository, by path."""
    return {
        DOCKER: "# Generated from the variants by `make runtimes`. Which environment runs which images.\n"
        + table(lambda name: f"{IN_DOCKER}/envs/{name}/bin/python", IN_DOCKER / "include"),
        POLICY: policy((root / POLICY).read_text()),
    }


def _runtimes(python: Callable[[str], str], include: Path) -> Iterator[dict[str, object]]:
    """Yield the fields of each runtime; variants with the same images share one."""
    seen = set()
    for one in VARIANTS.values():
        images = dict.fromkeys(
            f"*/{image.repository}:*" for image in (one.training_image, one.inference_image)
        )
        if tuple(images) in seen:
            continue
        seen.add(tuple(images))
        runtime = one.runtime
        interpreter = python(runtime.environment)
        fields: dict[str, object] = {
            "name": runtime.algorithm or one.name,
            "images": list(images),
            "python": interpreter,
        }
        if runtime.algorithm:
            fields["algorithm"] = runtime.algorithm
        if runtime.server:
            fields["serve"] = [interpreter, str(include / "embedded_aws" / "runtime" / runtime.server)]
        yield fields


def _entry(fields: Mapping[str, object], weights: Path | None) -> str:
    # TOML's strings and arrays of strings are written as JSON's are.
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in fields.items()]
    if weights and "algorithm" in fields:
        lines.append(f"environment = {{ {WEIGHTS} = {json.dumps(str(weights.absolute()))} }}\n")
    return "[[runtime]]\n" + "".join(lines)


if __name__ == "__main__":
    for name, text in files(paths.REPOSITORY).items():
        (paths.REPOSITORY / name).write_text(text)
