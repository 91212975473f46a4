"""A page's flowchart is drawn as it is written, and what cannot be drawn is an error."""

from __future__ import annotations

import re

import pytest
from handbook.mermaid import drawn

CHART = """# Heading

```mermaid
flowchart LR
  A[one] --> B{two}
  B -- good enough --> C[three]
  B -. no .-> D[four]
  C & D --> E[five]
```

After it.
"""


def test_boxes_arrows_and_words_are_drawn() -> None:
    page = drawn(CHART)

    assert "mermaid" not in page
    assert 'aria-label="Heading"' in page
    assert page.endswith("\n\nAfter it.\n")
    words = re.findall(r"<text[^>]*>([^<]+)</text>", page)
    assert sorted(words) == sorted(["one", "two", "three", "four", "five", "good enough", "no"])
    assert page.count("marker-end") == 5
    assert page.count("stroke-dasharray") == 1


@pytest.mark.parametrize("line", ["A[one] ==> B[two]", "A[one] --> ", "--> B[two]"])
def test_what_cannot_be_drawn_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        drawn(f"# Heading\n\n```mermaid\nflowchart LR\n  {line}\n```\n")
