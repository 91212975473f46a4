"""Serve the MXNet variant: the functions that Amazon's MXNet inference container calls.

What may be asked and what is answered: exchange.py, the same for every variant.
Source: https://sagemaker.readthedocs.io/en/v2.257.0/frameworks/mxnet/using_mxnet.html#serve-an-mxnet-model
"""

from __future__ import annotations

import exchange
import network


def model_fn(model_dir):
    """Return the model, warm: a first patch has gone through it.

    Raises:
        ValueError: the folder does not hold a model of this architecture.
    """
    model = network.load(model_dir)
    model.warm_up()
    return model


def transform_fn(model, data, content_type, accept):
    """Return the answer to one request and its content type.

    Raises:
        ValueError: the request is not one of the documented forms; says why.
        ArithmeticError: the model answers no number.
    """
    kind = exchange.answer_type(accept)
    pixels, is_single = exchange.read(data, content_type)
    return exchange.write(model.probabilities(pixels), is_single, kind), kind
