from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

from embedded_aws import settings
from embedded_aws.controller.scheduler import Scheduler
from embedded_aws.store.kinds import TRAINING_JOB, arn
from embedded_aws.store.resources import Store


def test_an_agent_that_died_after_its_job_had_ended_is_forgotten(tmp_path: Path) -> None:
    home = settings.load(tmp_path)
    store, whose = Store(home.database), arn(home, TRAINING_JOB, "j")
    left = home.work_dir / "TrainingJob" / "j"
    left.mkdir(parents=True)
    store.insert(TRAINING_JOB, "j", whose, {"TrainingJobStatus": "Completed"})
    store.execute("INSERT INTO agent VALUES (?, ?, ?)", (whose, 2**22 + 1, 1))  # no process has such a number
    fork = Mock()

    Scheduler(home, store, Mock(), "none", fork).advance()

    assert store.query("SELECT * FROM agent") == []
    assert not left.exists()
    assert store.status(TRAINING_JOB, "j") == "Completed"
    fork.assert_not_called()
