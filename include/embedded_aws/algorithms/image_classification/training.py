"""Training from the first epoch to the last, its log lines, and which epochs are kept.

Kept is the epoch with the best accuracy on validation, as the service does, or with `checkpoint_frequency`
every n-th one.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/IC-Hyperparameter.html
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedded_aws.algorithms.image_classification import model
from embedded_aws.algorithms.image_classification.batches import Batch, Batches, ahead
from embedded_aws.algorithms.image_classification.data import Source
from embedded_aws.algorithms.image_classification.failures import CustomerError
from embedded_aws.algorithms.image_classification.hyperparameters import Hyperparameters
from embedded_aws.algorithms.image_classification.learning import Answers, Network
from embedded_aws.algorithms.image_classification.model import Model

REPORT_BATCHES = 20
HALF = 0.5


class Score:
    """Accuracy, and accuracy among the k best, of the batches counted so far."""

    def __init__(self, parameters: Hyperparameters) -> None:
        self._multi_label, self._top_k = parameters.multi_label, parameters.top_k
        self._right = self._near = self.images = 0.0

    def count(self, answers: Answers, targets: NDArray[np.float32]) -> None:
        """Take in a batch; with several labels, the share of them that is right counts."""
        self.images += len(answers)
        if self._multi_label:
            self._right += float(((answers > HALF) == (targets == 1)).mean(axis=1).sum())
            return
        label = targets.argmax(axis=1)
        self._right += float((answers.argmax(axis=1) == label).sum())
        if self._top_k:
            best = np.argsort(-answers, axis=1, kind="stable")[:, : self._top_k]
            self._near += float((best == label[:, None]).any(axis=1).sum())

    @property
    def accuracy(self) -> float:
        """Of all that was counted."""
        return self._right / max(self.images, 1)

    def lines(self) -> list[str]:
        """Metrics by the names MXNet gives them."""
        lines = [f"accuracy={self.accuracy:.6f}"]
        if self._top_k and not self._multi_label:
            lines.append(f"top_k_accuracy_{self._top_k}={self._near / max(self.images, 1):.6f}")
        return lines


class ClassWeights:
    """What a label that is set weighs: the more, the rarer its class among those seen so far."""

    def __init__(self, classes: int) -> None:
        self._seen, self._set = 0.0, np.zeros(classes)

    def after(self, batch: Batch) -> NDArray[np.float32]:
        """The weights (classes,) with this batch taken in: labels unset for each that is set."""
        self._seen += len(batch.targets)
        self._set += batch.targets.sum(axis=0)
        weights = (self._seen - self._set + 1) / (self._set + 1)
        return weights.astype(np.float32)


class EarlyStopping:
    """Tells when validation accuracy has not improved for long enough."""

    def __init__(self, parameters: Hyperparameters) -> None:
        self._parameters = parameters
        self._best, self._since = 0.0, 0

    def is_due(self, epochs: int, accuracy: float) -> bool:
        """Whether to end after so many epochs, the last of this accuracy."""
        gain = (accuracy - self._best) / self._best if self._best else accuracy
        self._since = 0 if gain > self._parameters.early_stopping_tolerance else self._since + 1
        self._best = max(self._best, accuracy)
        return (
            self._parameters.early_stopping
            and epochs >= self._parameters.early_stopping_min_epochs
            and self._since >= self._parameters.early_stopping_patience
        )


class Training:
    """One job's training."""

    def __init__(self, parameters: Hyperparameters, begin: Model, target: Path, log: logging.Logger) -> None:
        self._parameters, self._begin, self._target, self._log = parameters, begin, target, log
        self._batches = Batches(parameters)
        self._network = Network(begin, parameters.mini_batch_size, parameters)
        self._weights = ClassWeights(parameters.num_classes) if self._is_weighted else None
        self._best: float | None = None

    def run(self, train: Source, validation: Source) -> None:
        """Every epoch: learn, validate, keep.

        Raises:
            CustomerError: the data or the hyperparameters do not serve for training.
        """
        stopping = EarlyStopping(self._parameters)
        for epoch in range(self._parameters.epochs):
            started = time.monotonic()
            for line in self._learn(train, epoch).lines():
                self._log.info("Epoch[%d] Train-%s", epoch, line)
            self._log.info("Epoch[%d] Time cost=%.3f", epoch, time.monotonic() - started)
            accuracy = self._validate(validation, epoch)
            self._keep(epoch, accuracy)
            if stopping.is_due(epoch + 1, accuracy):
                self._log.info("Early stopping after epoch %d", epoch)
                return

    @property
    def _is_weighted(self) -> bool:
        return self._parameters.multi_label and self._parameters.use_weighted_loss

    def _learn(self, source: Source, epoch: int) -> Score:
        whole, recent = Score(self._parameters), Score(self._parameters)
        since = time.monotonic()
        with ahead(self._batches.training(source, epoch)) as batches:
            for number, batch in enumerate(batches, 1):
                weights = self._weights.after(batch) if self._weights else None
                answers = self._network.learn(batch, weights)
                if not np.isfinite(answers).all():
                    raise self._diverged(epoch)
                for score in (whole, recent):
                    score.count(answers, batch.targets)
                if number % REPORT_BATCHES == 0:
                    self._report(epoch, number, recent, time.monotonic() - since)
                    since, recent = time.monotonic(), Score(self._parameters)
        if not whole.images:
            size = self._parameters.mini_batch_size
            raise CustomerError(
                "Hyperparameter mini_batch_size",
                repr(str(size)),
                "at most the number of images of channel train",
                "The number of input images must be bigger or equal to the mini_batch_size.",
            )
        self._check_count(epoch, whole)
        return whole

    def _validate(self, source: Source, epoch: int) -> float:
        score = Score(self._parameters)
        with ahead(self._batches.validation(source)) as batches:
            for batch in batches:
                score.count(self._network.answer(batch.pixels), batch.targets)
        if not score.images:
            raise CustomerError("Channel validation", "no images", "at least one", "Correct its S3Uri.")
        for line in score.lines():
            self._log.info("Epoch[%d] Validation-%s", epoch, line)
        return score.accuracy

    def _keep(self, epoch: int, accuracy: float) -> None:
        """Write the epoch's model, if it is to be kept."""
        frequency = self._parameters.checkpoint_frequency
        if frequency is not None:
            if (epoch + 1) % frequency == 0:
                self._save(epoch)
            return
        if self._best is not None and accuracy <= self._best:
            return
        self._best = accuracy
        self._log.info("Storing the best model with validation accuracy: %.6f", accuracy)
        kept = self._save(epoch)
        for other in self._target.glob("*.params"):
            if other != kept:
                other.unlink()

    def _save(self, epoch: int) -> Path:
        arrays: dict[str, Any] = self._network.arrays()
        if self._parameters.precision_dtype == "float16":
            arrays = {name: array.astype("float16") for name, array in arrays.items()}
        path = model.save(self._target, replace(self._begin, arrays=arrays), epoch + 1)
        self._log.info('Saved checkpoint to "%s"', path)
        return path

    def _report(self, epoch: int, batch: int, recent: Score, seconds: float) -> None:
        speed = recent.images / max(seconds, 1e-9)
        metrics = "\t".join(recent.lines())
        self._log.info("Epoch[%d] Batch [%d]\tSpeed: %.3f samples/sec\t%s", epoch, batch, speed, metrics)

    def _check_count(self, epoch: int, whole: Score) -> None:
        """Warn once where the schedule counts other epochs than there are."""
        expected = self._parameters.num_training_samples
        size = self._parameters.mini_batch_size
        if epoch == 0 and whole.images // size != expected // size:
            self._log.warning(
                "num_training_samples is %d, and %d images were read in full batches: lr_scheduler_step "
                "counts epochs of num_training_samples",
                expected,
                whole.images,
            )

    def _diverged(self, epoch: int) -> CustomerError:
        rate = self._parameters.learning_rate
        return CustomerError(
            "Hyperparameter learning_rate",
            f"'{rate:g}', and the answers of epoch {epoch} are no numbers",
            "a rate with which training converges",
            "Lower it.",
        )
