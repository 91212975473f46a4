"""A patch's name tells patient, slide, place and class, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from idc.converter.patches import DOUBLED_TREE, EXTENSIONS, Patch, looks_like_patch, parse_member, parse_name

numbers = st.integers(0, 9_999_999)
patches = st.builds(
    Patch,
    patient=st.from_regex(r"[0-9]{1,12}", fullmatch=True).filter(str.isascii),
    slide=numbers,
    x=numbers,
    y=numbers,
    label=st.sampled_from([0, 1]),
    extension=st.sampled_from(EXTENSIONS),
)


@given(patch=patches, is_doubled=st.booleans())
def test_a_name_is_read_as_it_was_written(patch: Patch, is_doubled: bool) -> None:
    member = (DOUBLED_TREE if is_doubled else "") + patch.member
    assert parse_member(member) == (patch, is_doubled)
    assert parse_name(patch.name) == patch
    assert looks_like_patch(member)


def test_a_name_of_the_kaggle_archive() -> None:
    patch, is_doubled = parse_member("10253/0/10253_idx5_x1351_y1101_class0.png")
    assert patch == Patch("10253", 5, 1351, 1101, 0)
    assert not is_doubled


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        ("10253/0/holiday.png", "is not named"),
        ("10253/0/10253_idx5_x01_y1_class0.png", "is not named"),
        ("10253/0/10253_idx5_x-1_y1_class0.png", "is not named"),
        ("10253/2/10253_idx5_x1_y1_class2.png", "has class 2"),
        ("10253/0/10253_idx5_x1_y1_class.png", "has class "),
        ("10253/1/10253_idx5_x1_y1_class0.png", "folder of class 1"),
        ("10254/0/10253_idx5_x1_y1_class0.png", "folder of patient 10254"),
        ("10253_idx5_x1_y1_class0.png", "does not lie in"),
        ("other/10253/0/10253_idx5_x1_y1_class0.png", "does not lie in"),
        (DOUBLED_TREE + DOUBLED_TREE + "10253/0/10253_idx5_x1_y1_class0.png", "does not lie in"),
        ("10253/0/10253_idx5_x1_y1_class0.PNG", "ends in .PNG"),
        ("१०/0/१०_idx5_x1_y1_class0.png", "is not named"),
    ],
)
def test_another_name_is_refused_with_the_reason(member: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_member(member)


@given(st.text())
def test_any_text_is_a_patch_or_a_reason(text: str) -> None:
    try:
        patch, is_doubled = parse_member(text)
    except ValueError:
        return
    assert text == (DOUBLED_TREE if is_doubled else "") + patch.member


@pytest.mark.parametrize("name", ["10253/0/Thumbs.db", "readme.txt", "10253/0/", "a.png/b"])
def test_what_does_not_look_like_a_patch(name: str) -> None:
    assert not looks_like_patch(name)
