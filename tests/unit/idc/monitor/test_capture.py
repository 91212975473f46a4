"""Data capture is read line by line; what is damaged is named, and spoils nothing."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, strategies as st
from PIL import Image
from unit.idc.monitor.records import DAY, ENDPOINT, PINK, captured, line, patch

from idc.monitor import capture
from idc.monitor.capture import Traffic, _take
from idc.monitor.quantities import OF_IMAGE, of_image
from idc.monitor.window import Window
from idc.storage import ObjectStore

WINDOW = Window.up_to(DAY, 2)
NEXT_DAY = "2026-11-25"


def read(store: ObjectStore, most: int = 1000) -> Traffic:
    return capture.read(store, ENDPOINT, "v1-mxnet", WINDOW, of_image, most=most)


def test_answers_images_and_whose_they_are(store: ObjectStore) -> None:
    tiles = [line(patch(seed=at), 0.25, inferenceId=f"slide.x{at * 50}_y0") for at in range(3)]
    alone = [line(patch(), 0.75, f"{DAY}T1{at // 2}:3{at}:00Z", inferenceId=f"r{at}") for at in range(4)]
    captured(store, [*tiles, *alone])

    found = read(store)

    assert (found.files, found.files_read, found.patches) == (1, 1, 7)
    assert found.answers == [0.25] * 3 + [0.75] * 4
    assert found.sources == {"slide", f"{DAY}T10", f"{DAY}T11"}
    row = dict(zip(OF_IMAGE, found.images[0], strict=True))
    assert [row[name] for name in ("red", "green", "blue")] == pytest.approx(PINK, abs=3)
    assert row["tissue"] == pytest.approx(1, abs=0.01)
    assert not found.refused.count


def test_times_decide_and_not_the_folder(store: ObjectStore) -> None:
    lines = [line(None, 0.1, at) for at in ("2026-11-24T23:59:59Z", "2026-11-25T00:00:01Z")]
    captured(store, lines, "00/01-00", day=NEXT_DAY)
    captured(store, [line(None, 0.2, "2026-11-23T00:00:00Z")], day="2026-11-23")
    captured(store, [line(None, 0.3, "2026-11-22T23:00:00Z")], day="2026-11-22")
    captured(store, [line(None, 0.4)], variant="v2-mxnet")

    assert sorted(read(store).answers) == [0.1, 0.2]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"{\n", "Expecting"),
        (b"[]\n", "list indices"),
        (b"{}\n", "no 'eventMetadata'"),
        (b"\x80\x81\x82\x83\n", "decode"),
        (b'{"eventMetadata": {"inferenceTime": 7}, "captureData": {}}\n', "time '7'"),
        (line(None, None), "neither input nor output"),
        (line(patch(), "out of luck"), "Expecting value"),
        (line(patch(), "[0.9, 0.9]"), "expected two probabilities"),
        (line(patch(), "[NaN, NaN]"), "expected two probabilities"),
        (line(b"no image", 0.5), "no PNG or JPEG"),
        (line(patch()[:200], 0.5), ""),
        (line(patch(), 0.5).replace(b"iVBOR", b"#####"), "base64"),
    ],
)
def test_a_bad_line_is_named_and_the_others_count(store: ObjectStore, bad: bytes, why: str) -> None:
    key = captured(store, [line(patch(), 0.5), bad, line(patch(), 0.6)])

    found = read(store)

    assert found.answers == [0.5, 0.6]
    [(where, said)] = found.refused.listed
    assert where == f"{store.uri(key)} line 2"
    assert why in said
    assert found.refused.to_dict()["count"] == 1


@given(text=st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["eventMetadata", "captureData", "inferenceTime", "endpointOutput", "data"]), inner),
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_no_line_crashes_it(text: bytes) -> None:
    found = Traffic()
    try:
        _take(found, text, WINDOW, of_image)
    except (ValueError, TypeError, LookupError):
        assert (found.patches, found.answers, found.images) == (0, [], [])


def test_an_image_larger_than_a_patch_is_not_decoded(store: ObjectStore) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 50)).save(buffer, "PNG")
    captured(store, [line(buffer.getvalue(), 0.5)])

    assert "60×50" in read(store).refused.listed[0][1]


def test_of_many_files_the_same_are_drawn_each_time(store: ObjectStore) -> None:
    for at in range(9):
        captured(store, [line(None, at / 10), line(None, at / 10)], f"10/0{at}-00")

    found, again = read(store, most=5), read(store, most=5)

    assert (found.files, found.files_read, found.patches) == (9, 3, 6)
    assert found.answers == again.answers
    assert found.answers != [0.0, 0.0, 0.1, 0.1, 0.2, 0.2]


def test_of_no_traffic_there_is_nothing(store: ObjectStore) -> None:
    assert read(store) == Traffic()
