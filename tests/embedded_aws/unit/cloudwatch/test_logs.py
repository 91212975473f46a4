from __future__ import annotations

import threading
from pathlib import Path

from embedded_aws import settings
from embedded_aws.cloudwatch import logs


def test_a_reader_takes_only_whole_new_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    reader = logs.LineReader(path)
    assert reader.new_lines() == []
    path.write_bytes(b"1 a\n2 b\n3 unfinis")
    assert reader.new_lines() == [b"1 a", b"2 b"]
    assert reader.new_lines() == []
    with path.open("ab") as file:
        file.write(b"hed\r\n4 \n")
    assert [logs.parse(line)[1] for line in reader.new_lines()] == ["unfinished\r", ""]


def test_writers_announce_their_stream(tmp_path: Path) -> None:
    home = settings.load(tmp_path)
    name = logs.StreamName(logs.TRAINING_GROUP, "job/algo-1-5")
    with logs.StreamWriter(home, name) as writer:
        writer.write("é".encode())
        writer.write(b"\xff")
        writer.write(b"x" * (logs.LARGEST_MESSAGE_BYTES + 1))
    lines = [logs.parse(line)[1] for line in logs.LineReader(name.file(home)).new_lines()]
    assert lines[:2] == ["é", "\ufffd"]
    assert [len(line) for line in lines[2:]] == [logs.LARGEST_MESSAGE_BYTES, 1]
    events = (home.stream_dir / logs.INDEX).read_text()
    assert events.count('"job/algo-1-5"') == 2


def test_each_line_of_a_message_has_its_time(tmp_path: Path) -> None:
    home = settings.load(tmp_path)
    name = logs.StreamName(logs.ENDPOINT_GROUP, "e/v/i")
    with logs.StreamWriter(home, name) as writer:
        writer.write(b"could not be opened:\n- method gz: no")
    lines = [logs.parse(line) for line in logs.LineReader(name.file(home)).new_lines()]
    assert [message for _, message in lines] == ["could not be opened:", "- method gz: no"]
    assert all(stamp > 0 for stamp, _ in lines)
    assert logs.parse(b"- method gz: no") == (0, "- method gz: no")


def test_threads_do_not_tear_lines(tmp_path: Path) -> None:
    home = settings.load(tmp_path)
    name = logs.StreamName(logs.TRAINING_GROUP, "job/algo-1-6")
    with logs.StreamWriter(home, name) as writer:
        threads = [
            threading.Thread(target=lambda: [writer.write(b"y" * 50) for _ in range(200)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = logs.LineReader(name.file(home)).new_lines()
    assert len(lines) == 800
    assert {logs.parse(line)[1] for line in lines} == {"y" * 50}
