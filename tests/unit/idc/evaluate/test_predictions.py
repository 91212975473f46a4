"""Reading and writing predictions.csv."""

import io

import pytest

from idc.errors import InputError
from idc.evaluate.predictions import read_predictions, written

HEADER = "patch,patient,label,split,p1\n"
ROWS = "9_idx5_x1_y1_class0.png,9,0,test,0.25\n10_idx5_x1_y51_class1.png,10,1,validation,1e-07\n"


def test_reads_every_column() -> None:
    predictions = read_predictions(io.StringIO(HEADER + ROWS))
    assert len(predictions) == 2
    assert predictions.patch.tolist() == ["9_idx5_x1_y1_class0.png", "10_idx5_x1_y51_class1.png"]
    assert predictions.patient.tolist() == ["9", "10"]
    assert predictions.label.tolist() == [0, 1]
    assert predictions.split.tolist() == ["test", "validation"]
    assert predictions.probability.tolist() == [0.25, 1e-07]


def test_writes_what_it_reads() -> None:
    assert written(read_predictions(io.StringIO(HEADER + ROWS))).decode() == HEADER + ROWS


def test_a_split_is_taken_by_itself() -> None:
    predictions = read_predictions(io.StringIO(HEADER + ROWS))

    assert predictions.of("validation").patient.tolist() == ["10"]
    assert len(predictions.of("train")) == 0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "predictions columns: none, expected patch,patient,label,split,p1"),
        ("patch,label,patient,split,p1\n", "predictions columns: patch,label,patient,split,p1"),
        (HEADER, "predictions rows: none, expected at least one patch"),
        (HEADER + "a,9,0,test\n", "predictions line 2: a,9,0,test, expected a value for each of patch"),
        (HEADER + "a,9,0,test,0.5\nb,,0,test,0.5\n", "predictions line 3: b,,0,test,0.5, expected a value"),
        (HEADER + "a,9,2,test,0.5\n", "predictions label in line 2: 2, expected 0 or 1"),
        (HEADER + "a,9,0,tests,0.5\n", "predictions split in line 2: tests, expected one of train"),
        (HEADER + "a,9,0,test,1.01\n", "predictions probability in line 2: 1.01, expected a number"),
        (HEADER + "a,9,0,test,nan\n", "predictions probability in line 2: nan, expected a number"),
        (HEADER + "a,9,0,test,high\n", "predictions probability in line 2: high, expected a number"),
        (
            HEADER + "a,9,0,test,0.5\na,9,0,test,0.5\n",
            "predictions rows: 1 patches occur twice, expected each patch once",
        ),
    ],
)
def test_names_what_is_wrong(table: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_predictions(io.StringIO(table))
    assert str(caught.value).startswith(message)
