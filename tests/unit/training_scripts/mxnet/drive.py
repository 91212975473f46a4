"""What the tests do inside the mxnet environment: `drive.py <scripts> <function>`, JSON in, JSON out."""

import base64
import contextlib
import io
import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, sys.argv[1])

import augmentation
import curves
import mxnet as mx
import network
import numpy as np
import records
import serve
import train
from PIL import Image


def generate(rng, label):
    """Return a patch, (50, 50, 3) uint8: class 1 is darker and bluer, with noise that makes it hard."""
    base = np.array([205, 150, 190]) if label == 0 else np.array([165, 110, 175])
    return np.clip(base + rng.normal(0, 35, 3) + rng.normal(0, 25, (50, 50, 3)), 0, 255).astype(np.uint8)


def encoded(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write_splits(folder, splits, labels=(0, 1)):
    """Write splits of generated patches, four patients to a split, in two shards."""
    rng = np.random.default_rng(1)
    for number, (split, count) in enumerate(splits.items()):
        for shard in range(2):
            rows = []
            for at in range(count // 2):
                label = labels[at % len(labels)]
                name = f"{100 + 10 * number + at % 4}_idx5_x{50 * shard + 1}_y{50 * at + 1}_class{label}.png"
                rows.append((at, label, name, encoded(generate(rng, label))))
            write_shard(Path(folder) / split / f"part-{shard:05d}", rows)


def write_shard(stem, rows):
    """Write one shard with MXNet's own writer."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    writer = mx.recordio.MXIndexedRecordIO(f"{stem}.idx", f"{stem}.rec", "w")
    for at, label, _, image in rows:
        writer.write_idx(at, mx.recordio.pack(mx.recordio.IRHeader(0, float(label), at, 0), image))
    writer.close()
    lines = [f"{at}\t{label}\t{name}\n" for at, label, name, _ in rows]
    stem.with_suffix(".lst").write_text("".join(lines), encoding="utf-8")


def ask(model_dir, requests, threads=1):
    """Send requests through serve.py; return an answer or the error for each."""
    model = serve.model_fn(model_dir)

    def one(request):
        data = base64.b64decode(request["data"])
        try:
            body, kind = serve.transform_fn(model, data, request["content_type"], request.get("accept"))
        except (ValueError, ArithmeticError) as error:
            return {"error": type(error).__name__, "message": str(error)}
        return (
            {"answer": [json.loads(line) for line in body.splitlines()], "content_type": kind}
            if "lines" in kind
            else {"answer": json.loads(body), "content_type": kind}
        )

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, requests))


def read(folder):
    """Return a split's patches as PNG, with labels and names."""
    split = records.read_split(folder)
    images = [base64.b64encode(encoded(image)).decode() for image in split.images]
    return {"images": images, "labels": split.labels.tolist(), "names": split.names}


def spoil(model_dir, target):
    """Write a model of the same architecture whose weights are not numbers."""
    model = network.load(model_dir)
    for weight in model.net.collect_params().values():
        weight.set_data(weight.data() * np.nan)
    description = json.loads((Path(model_dir) / "model.json").read_text())
    network.save(target, model.net, description["architecture"], 1, {})


def refusals(of, arguments):
    """Return why each call fails, or nothing where it does not."""
    callee = {"load": network.load, "read_split": records.read_split, "read_arguments": train.read_arguments}
    reasons = []
    for argument in arguments:
        try:
            callee[of](argument)
            reasons.append(None)
        except ValueError as error:
            reasons.append(str(error))
    return reasons


def rank_area(labels, scores):
    return train.rank_area(np.array(labels), np.array(scores))


def read_hyperparameters(described, arguments=()):
    os.environ["SM_HPS"] = json.dumps(described)
    read = vars(train.read_arguments(list(arguments)))
    return {name: read[name] for name in train.HYPERPARAMETERS}


def draw_without_matplotlib(path):
    sys.modules["matplotlib"] = None  # as where it is not installed: importing it fails
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        curves.draw(Path(path), [], 1)
    return said.getvalue()


def positions(count):
    """Return how often a patch shows each of the positions it is found in."""
    patch = generate(np.random.default_rng(0), 1)
    shown = augmentation.augment(np.stack([patch] * count), 0, 0, np.random.default_rng(2))
    return list(Counter(each.tobytes() for each in shown).values())


def augment(stain_jitter=0, colour_jitter=0):
    """Return whether augmentation repeats for a seed, keeps every pixel, and what it does to brightness."""
    rng = np.random.default_rng(0)
    before = np.stack([generate(rng, at % 2) for at in range(32)])
    once, twice = (
        augmentation.augment(before, stain_jitter, colour_jitter, np.random.default_rng(5)) for _ in range(2)
    )
    order = np.sort(before.reshape(32, -1), axis=1), np.sort(once.reshape(32, -1), axis=1)
    return {
        "repeats": bool((once == twice).all()),
        "moves": bool((once != before).any()),
        "keeps": bool((order[0] == order[1]).all()),
        "type": str(once.dtype),
        "shift": float(np.abs(once.mean(axis=(1, 2, 3)) - before.mean(axis=(1, 2, 3))).max()),
    }


def pixel_by_pixel(stain_jitter, colour_jitter):
    """Return how far augmentation is, at most, from its formula, and how it changed each stain's absorbance.

    The latter as (patches, stains, channels): in every channel alike, unless it mixes stains up.
    """
    before = np.stack([generate(np.random.default_rng(1), at % 2) for at in range(4)])
    once = augmentation.augment(before, stain_jitter, colour_jitter, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    turned = augmentation.turn(before, rng)
    stains, light = augmentation.stain(4, stain_jitter, rng)
    colours, level = augmentation.colour(4, colour_jitter, rng)
    furthest = 0
    for at, row, column in np.ndindex(turned.shape[:3]):
        absorbance = -np.log((turned[at, row, column].astype(float) + 1) / 256)
        stained = 256 * np.exp(-stains[at] @ absorbance - light[at, 0]) - 1
        coloured = np.clip(colours[at] @ stained + level[at, :, 0], 0, 255)
        furthest = max(furthest, np.abs(coloured - once[at, row, column]).max())
    changes = [[change @ one / one for one in augmentation.STAINS] for change in stains]
    return {"furthest": float(furthest), "changes": np.array(changes).tolist()}


def checkpoints_after(folder, epochs):
    """Save a checkpoint after each of some epochs; return which there are then."""
    for epoch in epochs:
        train.save_checkpoint(Path(folder), epoch, {"epoch": np.array(epoch)})
    return sorted(path.name for path in Path(folder).iterdir())


def score(model_dir, folder):
    """Return the probabilities of class 1 that the network itself gives to a split."""
    return network.load(model_dir).probabilities(records.read_split(folder).images)[:, 1].tolist()


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[2]](**json.load(sys.stdin))))
