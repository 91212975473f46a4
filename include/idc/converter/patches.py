"""Patches by name: `10253/0/10253_idx5_x1351_y1101_class0.png` is patient, slide, place and class."""

from __future__ import annotations

import re
from typing import NamedTuple, Tuple

PATCH_PX = 50
DOUBLED_TREE = "IDC_regular_ps50_idx5/"
EXTENSIONS = ("png", "jpg", "jpeg")

_NUMBER = "(0|[1-9][0-9]{0,6})"
_MEMBER = re.compile(
    rf"({DOUBLED_TREE})?([0-9]{{1,12}})/([01])/\2_idx{_NUMBER}_x{_NUMBER}_y{_NUMBER}_class\3\.(png|jpg|jpeg)",
    re.ASCII,
)
_STEM = re.compile(rf"([0-9]{{1,12}})_idx{_NUMBER}_x{_NUMBER}_y{_NUMBER}_class([^.]*)\.([A-Za-z]+)", re.ASCII)
_IMAGE = re.compile(r"\.(?:png|jpe?g)$", re.ASCII | re.IGNORECASE)


class Patch(NamedTuple):
    """One tile of a whole slide: `x` and `y` are its left upper corner in pixels, `label` 1 is carcinoma."""

    patient: str
    slide: int
    x: int
    y: int
    label: int
    extension: str = "png"

    @property
    def name(self) -> str:
        """The file name, which names the patch everywhere."""
        return f"{self.patient}_idx{self.slide}_x{self.x}_y{self.y}_class{self.label}.{self.extension}"

    @property
    def member(self) -> str:
        """The name of the archive's member, outside the doubled tree."""
        return f"{self.patient}/{self.label}/{self.name}"


def looks_like_patch(member: str) -> bool:
    """Return whether a member's name ends as an image's does, so that it must be a patch."""
    return _IMAGE.search(member) is not None


def parse_member(member: str) -> Tuple[Patch, bool]:
    """Return the patch a member's name tells of, and whether it lies in the doubled tree.

    Raises:
        ValueError: says what is wrong with the name.
    """
    found = _MEMBER.fullmatch(member)
    if found is None:
        raise ValueError(_problem(member))
    tree, patient, label, slide, x, y, extension = found.groups()
    return Patch(patient, int(slide), int(x), int(y), int(label), extension), tree is not None


def parse_name(name: str) -> Patch:
    """Return the patch a file name tells of.

    Raises:
        ValueError: says what is wrong with the name.
    """
    found = _STEM.fullmatch(name)
    if found is None:
        raise ValueError(_problem(name))
    return parse_member(f"{found[1]}/{found[5]}/{name}")[0]


def _problem(member: str) -> str:
    inside = member[len(DOUBLED_TREE) :] if member.startswith(DOUBLED_TREE) else member
    folders = inside.split("/")
    found = _STEM.fullmatch(folders[-1])
    if found is None:
        return "is not named <patient>_idx<slide>_x<x>_y<y>_class<class>.png"
    if found[5] not in ("0", "1"):
        return f"has class {found[5]}"
    if found[6] not in EXTENSIONS:
        return f"ends in .{found[6]}"
    if len(folders) != 3:
        return "does not lie in <patient>/<class>/"
    if folders[0] != found[1]:
        return f"lies in the folder of patient {folders[0]}"
    return f"lies in the folder of class {folders[1]}"
