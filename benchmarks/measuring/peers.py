"""Run a peer of the converter as a script in its own environment, and print its times.

The images lie in FOLDER/images with a list, as `im2rec.py` wants them; the writers get them in memory.
OpenCV, which `im2rec.py` imports, is not in MXNet's environment. With --pass-through it is not called;
to decode and encode again, Pillow takes its place.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

_BEGIN = """
import json, sys, time, zipfile
from pathlib import Path
archive, folder = Path(sys.argv[1]), Path(sys.argv[2])
def patches():
    with zipfile.ZipFile(archive) as found:
        names = [name for name in found.namelist() if not name.startswith("IDC_")]
        return [(int(name.split("/")[1]), name.split("/")[2], found.read(name)) for name in names]
def begin():
    return time.process_time(), time.perf_counter()
def report(started, count):
    seconds, clock = time.process_time() - started[0], time.perf_counter() - started[1]
    print(json.dumps({"seconds": seconds, "clock": clock, "patches": count}))
"""
_IM2REC = (
    _BEGIN
    + """
import io, runpy, types
import numpy as np
from PIL import Image
cv2 = types.ModuleType("cv2")
cv2.IMWRITE_JPEG_QUALITY = 1
def imread(path, colour):
    return np.asarray(Image.open(path).convert("RGB"))
def imencode(kind, pixels, parameters):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=parameters[1])
    return True, np.frombuffer(stream.getvalue(), dtype=np.uint8)
cv2.imread, cv2.imencode = imread, imencode
sys.modules["cv2"] = cv2
import mxnet
script = Path(mxnet.__file__).parent / "tools" / "im2rec.py"
sys.argv = [str(script), *OPTIONS, str(folder / "peer"), str(folder / "images")]
started = begin()
runpy.run_path(str(script), run_name="__main__")
report(started, len((folder / "peer.lst").read_text().splitlines()))
"""
)
PASS_THROUGH = _IM2REC.replace("*OPTIONS", '"--pass-through"')
ENCODE_AGAIN = _IM2REC.replace("*OPTIONS, ", "")
MXNET_WRITER = (
    _BEGIN
    + """
import mxnet as mx
found = patches()
writer = mx.recordio.MXIndexedRecordIO(str(folder / "peer.idx"), str(folder / "peer.rec"), "w")
started = begin()
for index, (label, name, image) in enumerate(found):
    writer.write_idx(index, mx.recordio.pack(mx.recordio.IRHeader(0, label, index, 0), image))
writer.close()
report(started, len(found))
"""
)
TENSORFLOW_WRITER = (
    _BEGIN
    + """
import tensorflow as tf
found = patches()
def some(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
started = begin()
with tf.io.TFRecordWriter(str(folder / "peer.tfrecord")) as writer:
    for label, name, image in found:
        feature = {
            "image/encoded": some(image),
            "image/format": some(b"png"),
            "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            "image/filename": some(name.encode()),
        }
        writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
report(started, len(found))
"""
)
PREPARE = (
    _BEGIN
    + """
(folder / "images").mkdir()
started, found = begin(), patches()
for label, name, image in found:
    (folder / "images" / name).write_bytes(image)
lines = [f"{index}\\t{label}\\t{name}\\n" for index, (label, name, _) in enumerate(found)]
(folder / "peer.lst").write_text("".join(lines))
report(started, len(found))
"""
)


def run(python: str, script: str, archive: Path, folder: Path) -> str:
    """Run a peer to its end and return the last line it printed."""
    command = [python, "-W", "ignore", "-c", script, str(archive), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]
