"""The report says what is in the dataset, in one page that needs nothing else."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from archives import member
from PIL import Image
from skimage.color import rgb2hed
from unit.idc.html.conftest import SMALL_SHARDS, Converted, converted
from unit.idc.html.document import Document

from idc import layout
from idc.convert.report import sampling
from idc.convert.report.building import Report, build
from idc.convert.report.facts import read_facts
from idc.converter.manifest import read_manifest
from idc.converter.patches import parse_name
from idc.converter.records.recordio import read_records
from idc.converter.split import read_csv
from idc.errors import MissingObject
from idc.evaluate.report import stage as stage


@pytest.fixture(scope="module")
def report(generated: Converted) -> Report:
    return build(generated.store, generated.digest)


@pytest.fixture(scope="module")
def page(report: Report) -> Document:
    return Document.of(report.html)


@pytest.fixture(scope="module")
def troubles_report(troubled: Converted) -> Report:
    return build(troubled.store, troubled.digest)


@pytest.fixture(scope="module")
def troubles(troubles_report: Report) -> Document:
    return Document.of(troubles_report.html)


def patches(dataset: Converted) -> Iterator[tuple[str, int, np.ndarray]]:
    """Every patch of a dataset: name, label, pixels."""
    prefix = layout.dataset_prefix(dataset.digest)
    for shard in dataset.index.shards:
        lines = dataset.store.get(prefix + shard.key.replace(".rec", ".lst")).decode().splitlines()
        records = read_records(dataset.store.get(prefix + shard.key), shard.key)
        for line, record in zip(lines, records, strict=True):
            with Image.open(io.BytesIO(record.image)) as image:
                yield line.split("\t")[2], record.label, np.asarray(image)


def test_counts_are_those_of_the_index(generated: Converted, page: Document) -> None:
    rows = page.rows("split")
    for split, summary in generated.index.splits.items():
        zero, one = summary.classes["0"], summary.classes["1"]
        expected = [summary.patients, summary.patches, zero, one]
        assert rows[split] == [*map(str, expected), f"{100 * one / (zero + one):.1f} %"]
    assert rows["all"][:2] == ["12", "360"]
    listed = page.rows("patient")
    table = read_csv(generated.store.get(layout.split_table(generated.digest)))
    assert listed == {
        row.patient: [row.split, str(row.patches), str(row.class0), str(row.class1)] for row in table
    }


def test_the_page_says_what_it_is_about(generated: Converted, page: Document) -> None:
    index = generated.index
    for expected in (index.dataset_digest, index.snapshot_sha256, "2026-10", "SYNTHETIC DATA", "seed 7"):
        assert expected in page.text
    assert "train 0.7, validation 0.15, test 0.15" in page.text
    assert "synthetic://?patients=12&patches=360&seed=5" in page.text
    assert "Research software, not a diagnostic device" in page.text


def test_colours_and_stains_are_those_of_the_patches(generated: Converted, page: Document) -> None:
    found: dict[int, list[np.ndarray]] = {0: [], 1: []}
    for _, label, pixels in patches(generated):
        stains = rgb2hed(pixels)
        found[label].append(
            np.array([*pixels.reshape(-1, 3).mean(0), stains[..., 0].mean(), stains[..., 1].mean()])
        )
    zero, one = np.array(found[0]), np.array(found[1])
    assert f"{len(zero)} patches of class 0 and {len(one)} of class 1" in page.text
    rows = page.rows("quantity")
    pooled = np.sqrt((zero.var(0) + one.var(0)) / 2)
    for at, quantity in enumerate(("red", "green", "blue", "hematoxylin", "eosin")):
        digits = 1 if at < 3 else 4
        expected = [f"{x[:, at].mean():.{digits}f} ± {x[:, at].std():.{digits}f}" for x in (zero, one)]
        difference = (one.mean(0) - zero.mean(0))[at] / pooled[at]
        assert rows[quantity] == [*expected, f"{difference:+.2f}"]


def test_quartiles_are_those_of_the_patients(generated: Converted, page: Document) -> None:
    table = read_csv(generated.store.get(layout.split_table(generated.digest)))
    [quartiles] = [rows for rows in page.tables if rows[0][1] == "a quarter is below"]
    for split, *cells in quartiles[1:]:
        shares = [100 * row.class1 / row.patches for row in table if row.split == split]
        assert cells == [f"{bound:.1f} %" for bound in np.percentile(shares, [25, 50, 75])]


@pytest.mark.parametrize("which", ["report", "troubles_report"])
def test_the_page_needs_nothing_else(which: str, request: pytest.FixtureRequest) -> None:
    html = request.getfixturevalue(which).html
    page = Document.of(html)
    names = [name for name, _ in page.tags]

    assert not {"script", "link", "iframe", "object", "base", "form"} & set(names)
    assert all(source.startswith("data:image/") for source in page.attributes("src"))
    links = [*page.attributes("href"), *page.attributes("xlink:href")]
    assert all(link.startswith("#") for link in links)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html.decode()))
    assert "@import" not in html.decode()
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_the_page_can_be_heard(page: Document) -> None:
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    figures = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert len(images) == 2 + 2 * 6
    assert all(len(attributes["alt"]) > 20 for attributes in images)
    assert len(figures) == 3
    assert all(len(attributes["aria-label"]) > 20 for attributes in figures)
    assert page.tags[0] == ("html", {"lang": "en"})
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))


def test_the_same_dataset_gives_the_same_bytes(generated: Converted, report: Report) -> None:
    assert build(generated.store, generated.digest) == report


def test_slides_are_the_largest_patients_of_each_split(generated: Converted, report: Report) -> None:
    table = read_csv(generated.store.get(layout.split_table(generated.digest)))
    largest = set()
    for split in layout.SPLITS:
        own = sorted((row for row in table if row.split == split), key=lambda row: -row.patches)
        largest |= {f"slide-{row.patient}-5" for row in own[:2]}
    assert {name for name in report.pictures if name.startswith("slide-")} == largest
    for name, content in report.pictures.items():
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.format == "PNG", name
            assert max(picture.size) > 100, name


def test_a_slide_shows_each_patch_where_it_was(generated: Converted, report: Report) -> None:
    name = next(name for name in report.pictures if name.startswith("slide-"))
    own = [
        (parse_name(patch), px) for patch, _, px in patches(generated) if patch.startswith(name.split("-")[1])
    ]
    left, top = (min(getattr(patch, axis) for patch, _ in own) for axis in "xy")
    with Image.open(io.BytesIO(report.pictures[name])) as picture:
        scale = min(1, 620 / (max(max(p.x - left, p.y - top) for p, _ in own) + 50))
        shown = np.asarray(picture.convert("RGB")).astype(float)
    for patch, pixels in own:
        if patch.label == 0:  # those of class 1 are tinted
            y0, x0, step = round((patch.y - top) * scale), round((patch.x - left) * scale), round(50 * scale)
            tile = shown[y0 + 1 : y0 + step - 1, x0 + 1 : x0 + step - 1]
            assert np.abs(tile.mean((0, 1)) - pixels.mean((0, 1))).max() < 8


def test_a_sample_is_seeded_and_does_not_depend_on_the_shards(generated: Converted) -> None:
    index = generated.index
    one_shard = converted(generated.store, "2026-10", dataclasses.replace(SMALL_SHARDS, shard_bytes=1 << 24))
    assert len(one_shard.index.shards) == 3 < len(index.shards)

    chosen = [sampling.choose(generated.store, each, set(), 7) for each in (index, one_shard.index)]
    other = sampling.choose(generated.store, dataclasses.replace(index, seed=8), set(), 7)

    assert chosen[0] == chosen[1]
    assert chosen[0].sample != other.sample
    assert [len(own) for own in chosen[0].sample.values()] == [7, 7]
    assert all(patch.label == label for label, own in chosen[0].sample.items() for patch in own)


def test_findings_are_listed(troubles: Document, troubled: Converted) -> None:
    sizes = troubles.rows("width × height")
    assert {size: cells[0] for size, cells in sizes.items()} == {"50×42": "2", "13×50": "1"}
    assert sizes["50×42"][1] == "66.7 %"
    assert "3 patches smaller than 50×50, from the edges of slides: 3 padded" in troubles.text
    [(patch, [reason])] = troubles.rows("patch").items()
    assert (patch, reason) == (member(103, 0, 93), "is neither PNG nor JPEG")
    assert member(104, 0, 94) in troubles.text
    assert member(105, 0, 95) in troubles.text
    assert "1 image under more than one patient" in troubles.text
    doubled = read_manifest(troubled.store, "2026-11").doubled_members
    assert doubled == 1
    assert "the same patch is there once more: 1 member." in troubles.text
    assert "SYNTHETIC" not in troubles.text


def test_a_source_is_shown_without_credentials_and_as_text(generated: Converted) -> None:
    source = "https://me:canary@example.org/<script>alert(1)</script>.zip?X-Amz-Signature=canary"
    manifest = dataclasses.replace(read_facts(generated.store, generated.digest).manifest, source=source)

    html = built_with(generated, layout.manifest("2026-10"), manifest.to_json())

    assert b"canary" not in html
    assert b"<script>" not in html
    assert "https://example.org/<script>alert(1)</script>.zip" in Document.of(html).text


def test_a_given_split_is_named_instead_of_shares(generated: Converted) -> None:
    index = dataclasses.replace(generated.index, split_sha256="ab" * 32)

    text = Document.of(built_with(generated, layout.index(generated.digest), index.to_json())).text

    assert f"given, SHA-256 {'ab' * 32}; order by seed 7" in text
    assert "shares: train" not in text


def built_with(dataset: Converted, key: str, content: bytes) -> bytes:
    """The page if one object of the dataset were another."""
    before = dataset.store.get(key)
    dataset.store.put(key, content)
    try:
        return build(dataset.store, dataset.digest).html
    finally:
        dataset.store.put(key, before)


def test_a_report_is_written_once(troubled: Converted) -> None:
    store, key = troubled.store, layout.report(troubled.digest)
    first = stage.run(store, dataset_digest=troubled.digest)
    html = store.get(key)
    assert first == {"report": store.uri(key), "is_reused": False}
    assert store.head(layout.report_picture(troubled.digest, "montage-class1")) is not None

    store.put(key, b"kept")
    again = stage.run(store, dataset_digest=troubled.digest)

    assert again == {"report": store.uri(key), "is_reused": True}
    assert store.get(key) == b"kept"
    store.delete(key)
    stage.run(store, dataset_digest=troubled.digest)
    assert store.get(key) == html


def test_there_is_no_report_without_a_dataset(generated: Converted) -> None:
    with pytest.raises(MissingObject, match=r"no index\.json"):
        stage.run(generated.store, dataset_digest="0" * 64)
