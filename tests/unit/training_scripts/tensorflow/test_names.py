"""The scripts use nothing of TensorFlow and Keras but what was tried in the container's versions."""

import ast
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[4] / "training_scripts"
# Those of training, export and loading were tried with TensorFlow 2.19.0 and its Keras on Python 3.12.
TENSORFLOW_219 = {
    "keras.Model",
    "keras.layers.Activation",
    "keras.layers.Conv2D",
    "keras.layers.Dense",
    "keras.layers.Dropout",
    "keras.layers.Layer",
    "keras.layers.MaxPooling2D",
    "keras.utils.set_random_seed",
    "tf.GradientTape",
    "tf.Module",
    "tf.TensorSpec",
    "tf.Variable",
    "tf.argmax",
    "tf.cast",
    "tf.concat",
    "tf.config.experimental.enable_op_determinism",
    "tf.config.list_physical_devices",
    "tf.config.set_visible_devices",
    "tf.constant",
    "tf.data.TFRecordDataset",
    "tf.errors.OpError",
    "tf.float32",
    "tf.function",
    "tf.int32",
    "tf.int64",
    "tf.io.FixedLenFeature",
    "tf.io.decode_raw",
    "tf.io.parse_example",
    "tf.nn.bias_add",
    "tf.nn.conv2d",
    "tf.nn.max_pool2d",
    "tf.nn.relu",
    "tf.nn.softmax",
    "tf.nn.sparse_softmax_cross_entropy_with_logits",
    "tf.raw_ops.FusedBatchNormV3",
    "tf.reduce_mean",
    "tf.reduce_sum",
    "tf.reshape",
    "tf.saved_model.save",
    "tf.string",
    "tf.transpose",
    "tf.uint8",
    "tf.zeros_like",
}


def _chain(node: ast.expr) -> str:
    """Return `tf.io.decode_raw` for that expression, nothing for another kind."""
    if isinstance(node, ast.Attribute) and (before := _chain(node.value)):
        return f"{before}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_uses_nothing_but_what_was_tried() -> None:
    chains = {
        _chain(node)
        for folder in ("common", "tensorflow")
        for path in (SCRIPTS / folder).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    used = {chain for chain in chains if chain.split(".")[0] in ("tf", "keras")}
    inner = {chain for chain in used for other in used if other.startswith(f"{chain}.")}
    assert used - inner == TENSORFLOW_219
