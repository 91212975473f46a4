"""Reading predictions.csv."""

import io

import pytest

from idc.errors import InputError
from idc.evaluation.predictions import read_predictions

HEADER = "patch,patient,label,probability\n"


def test_reads_every_column() -> None:
    rows = "9_idx5_x1_y1_class0.png,9,0,0.25\n10_idx5_x1_y51_class1.png,10,1,1e-07\n"
    predictions = read_predictions(io.StringIO(HEADER + rows))
    assert len(predictions) == 2
    assert predictions.patch.tolist() == ["9_idx5_x1_y1_class0.png", "10_idx5_x1_y51_class1.png"]
    assert predictions.patient.tolist() == ["9", "10"]
    assert predictions.label.tolist() == [0, 1]
    assert predictions.probability.tolist() == [0.25, 1e-07]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "predictions columns: none, expected patch,patient,label,probability"),
        ("patch,label,patient,probability\n", "predictions columns: patch,label,patient,probability"),
        (HEADER, "predictions rows: none, expected at least one patch"),
        (HEADER + "a,9,0\n", "predictions line 2: a,9,0, expected a patch"),
        (HEADER + "a,9,0,0.5\nb,,0,0.5\n", "predictions line 3: b,,0,0.5, expected a patch"),
        (HEADER + "a,9,2,0.5\n", "predictions label in line 2: 2, expected 0 or 1"),
        (HEADER + "a,9,0,1.01\n", "predictions probability in line 2: 1.01, expected a number from 0 to 1"),
        (HEADER + "a,9,0,nan\n", "predictions probability in line 2: nan, expected a number from 0 to 1"),
        (HEADER + "a,9,0,high\n", "predictions probability in line 2: high, expected a number from 0 to 1"),
        (
            HEADER + "a,9,0,0.5\na,9,0,0.5\n",
            "predictions rows: 1 patches occur twice, expected each patch once",
        ),
    ],
)
def test_names_what_is_wrong(table: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_predictions(io.StringIO(table))
    assert str(caught.value).startswith(message)
