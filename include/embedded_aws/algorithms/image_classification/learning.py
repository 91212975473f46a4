"""A network under training: its arrays, a step of gradient descent, and its answers."""

from __future__ import annotations

from typing import Any

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from embedded_aws.algorithms.image_classification import network
from embedded_aws.algorithms.image_classification.batches import Batch
from embedded_aws.algorithms.image_classification.hyperparameters import SEED, Hyperparameters
from embedded_aws.algorithms.image_classification.model import Arrays, Model, shapes_of

INPUT = "data"
NORMALISED_BY = 100  # how many of the last batches the averages of batch normalisation cover
ONES = ("_gamma", "_moving_var")  # what batch normalisation begins with; all else begins with 0

Answers = NDArray[np.float32]


def device() -> Any:
    """The first GPU where there is one, else the CPU."""
    return mx.gpu(0) if mx.context.num_gpus() else mx.cpu()


class Network:
    """A network bound to a batch size; without `parameters` it only answers."""

    def __init__(self, model: Model, batch_size: int, parameters: Hyperparameters | None = None) -> None:
        self._batch_size = batch_size
        self._multi_label = model.architecture.multi_label
        symbol = network.logits_of(network.symbol(model.architecture))
        self._names = [name for name in symbol.list_arguments() if name != INPUT]
        needed = "null" if parameters is None else "write"
        self._executor = symbol.simple_bind(
            device(),
            grad_req={INPUT: "null", **dict.fromkeys(self._names, needed)},
            data=(batch_size, *model.architecture.image_shape),
        )
        for kind, arrays in self._by_kind().items():
            for name, array in arrays.items():
                if name != INPUT:
                    array[:] = model.arrays[f"{kind}:{name}"]
        if parameters is not None:
            self._update = mx.optimizer.get_updater(_optimizer(parameters, self._names))
            self._averages = {name: array.copy() for name, array in self._executor.aux_dict.items()}
            self._steps = 0

    def arrays(self) -> Arrays:
        """A copy of all weights and moving averages."""
        return {
            f"{kind}:{name}": array.copyto(mx.cpu())
            for kind, arrays in self._by_kind().items()
            for name, array in arrays.items()
            if name != INPUT
        }

    def learn(self, batch: Batch, class_weights: NDArray[np.float32] | None = None) -> Answers:
        """Take a step for a full batch; the answers before it.

        The gradient of both losses, cross-entropy of softmax and of sigmoid, is answer minus target.
        """
        answers = self._forward(batch.pixels, is_training=True)
        gradient = answers - batch.targets
        if class_weights is not None:
            gradient = gradient * np.where(batch.targets == 1, class_weights, 1)
        self._executor.backward([mx.nd.array(gradient, ctx=device())])
        for number, name in enumerate(self._names):
            self._update(number, self._executor.grad_dict[name], self._executor.arg_dict[name])
        self._average()
        return answers

    def answer(self, pixels: NDArray[np.float32]) -> Answers:
        """The probabilities (images, classes) of at most a batch."""
        count = len(pixels)
        if count < self._batch_size:
            padding = np.zeros((self._batch_size - count, *pixels.shape[1:]), dtype=np.float32)
            pixels = np.concatenate([pixels, padding])
        return self._forward(pixels, is_training=False)[:count]

    def _forward(self, pixels: NDArray[np.float32], is_training: bool) -> Answers:
        data = mx.nd.array(pixels, ctx=device(), dtype="float32")
        (logits,) = self._executor.forward(is_train=is_training, data=data)
        answers: Answers = (mx.nd.sigmoid(logits) if self._multi_label else mx.nd.softmax(logits)).asnumpy()
        return answers

    def _average(self) -> None:
        """Have the moving averages cover more batches than MXNet's ten, and of the first ones all alike."""
        mx.nd.waitall()  # MXNet does not order what the backward pass writes there before what reads it
        self._steps += 1
        share = max(1 / NORMALISED_BY, 1 / self._steps) / (1 - network.BATCH_NORM["momentum"])
        for name, moved in self._executor.aux_dict.items():
            self._averages[name] += share * (moved - self._averages[name])
            moved[:] = self._averages[name]

    def _by_kind(self) -> dict[str, dict[str, Any]]:
        return {"arg": self._executor.arg_dict, "aux": self._executor.aux_dict}


def initial(parameters: Hyperparameters) -> Model:
    """The network the hyperparameters ask for with random weights, the same every time.

    Source: He et al. (https://arxiv.org/abs/1502.01852)
    """
    mx.random.seed(SEED)
    architecture = parameters.architecture
    draw = mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2)
    arrays = {}
    for name, shape in shapes_of(network.symbol(architecture), architecture).items():
        arrays[name] = mx.nd.ones(shape) if name.endswith(ONES) else mx.nd.zeros(shape)
        if name.endswith("_weight"):
            draw(mx.init.InitDesc(name), arrays[name])
    return Model(architecture, parameters.resize, arrays)


def _optimizer(parameters: Hyperparameters, names: list[str]) -> Any:
    """MXNet's own, with the learning rate falling at the epochs of lr_scheduler_step."""
    decay = {"wd": parameters.weight_decay}
    own: dict[str, dict[str, float]] = {
        "sgd": {"momentum": parameters.momentum, **decay},
        "nag": {"momentum": parameters.momentum, **decay},
        "adam": {"beta1": parameters.beta_1, "beta2": parameters.beta_2, "epsilon": parameters.eps},
        "rmsprop": {"gamma1": parameters.gamma, "epsilon": parameters.eps},
    }
    updates = max(1, parameters.num_training_samples // parameters.mini_batch_size)
    schedule = None
    if parameters.lr_scheduler_step:
        schedule = mx.lr_scheduler.MultiFactorScheduler(
            step=[epoch * updates for epoch in parameters.lr_scheduler_step],
            factor=parameters.lr_scheduler_factor,
            base_lr=parameters.learning_rate,
        )
    return mx.optimizer.create(
        parameters.optimizer,
        learning_rate=parameters.learning_rate,
        lr_scheduler=schedule,
        rescale_grad=1 / parameters.mini_batch_size,
        param_idx2name=dict(enumerate(names)),
        **own[parameters.optimizer],
    )
