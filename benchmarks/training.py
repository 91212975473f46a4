"""Compare each variant's training job with a bare loop of its network, in images per second.

The job is a real one of the embedded AWS: shards from S3, decoded, shuffled, augmented, in a container. The
bare loop learns from one batch that lies in memory, again and again. They take turns, because a shared
machine's speed drifts by more than what is measured: a job is compared with the loops just before and after
it, and of several turns the median counts. An epoch's speed is the job's own figure; the first epoch's, in
which frameworks compile, does not count.
"""

from __future__ import annotations

import re
import statistics
import tempfile
from itertools import pairwise
from pathlib import Path

from local_aws import LocalAws
from measuring import show, verdict
from measuring.jobs import BATCH, COUNTS, builtin, train
from measuring.variants import VARIANTS, Variant, aws_with_variants

TURNS, EPOCHS = 5, 3
WARM_UP, STEPS = 5, 40
TARGET = 0.15
SPEED = re.compile(r"images_per_second=([0-9.]+)")
EPOCH_COST = re.compile(r"Epoch\[\d+\] Time cost=([0-9.]+)")


def as_job(aws: LocalAws, variant: Variant, directory: Path) -> float:
    """Return the images per second of a training job after its first epoch."""
    _, log = train(aws, variant, directory, EPOCHS)
    learnt = COUNTS["train"] // BATCH * BATCH
    speeds = [float(found[1]) for line in log if (found := SPEED.search(line))]
    speeds += [learnt / float(found[1]) for line in log if (found := EPOCH_COST.search(line))]
    assert len(speeds) == EPOCHS, log
    return statistics.mean(speeds[1:])


def measured(aws: LocalAws, variant: Variant, directory: Path) -> tuple[list[float], list[float]]:
    """Return the images per second of the bare loops, and those of the jobs between them."""
    more = {} if variant.is_script else {"parameters": builtin(EPOCHS)}

    def bare() -> float:
        return float(variant.by_itself("bare", batch=BATCH, warm_up=WARM_UP, steps=STEPS, **more))

    loops, jobs = [bare()], []
    for _ in range(TURNS):
        jobs.append(as_job(aws, variant, directory))
        loops.append(bare())
    return loops, jobs


def main() -> None:
    rows, costs = [], {}
    with tempfile.TemporaryDirectory() as name, aws_with_variants(Path(name)) as aws:
        for variant in VARIANTS:
            loops, jobs = measured(aws, variant, Path(name))
            turns = [1 - 2 * job / sum(pair) for job, pair in zip(jobs, pairwise(loops), strict=True)]
            costs[variant.name] = statistics.median(turns)
            speeds = [f"{statistics.median(kind):.0f}" for kind in (loops, jobs)]
            rows.append([variant.name, *speeds, f"{100 * costs[variant.name]:.0f} %", percent(turns)])
    head = ["variant", "bare loop img/s", "job img/s", "pipeline and container cost", "turns"]
    show(f"Training, batches of {BATCH}, median of {TURNS} turns", head, rows)
    for variant_name, cost in costs.items():
        verdict(f"{variant_name}: input pipeline and container under {TARGET:.0%}", cost < TARGET)


def percent(shares: list[float]) -> str:
    """Return the lowest and the highest share."""
    return f"{100 * min(shares):.0f} to {100 * max(shares):.0f} %"


if __name__ == "__main__":
    main()
