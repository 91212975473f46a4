from __future__ import annotations

from botocore.eventstream import EventStreamBuffer

from embedded_aws.wire import event_stream


def test_botocore_reads_what_we_write() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(
        event_stream.event("PayloadPart", b"part") + event_stream.exception("ModelStreamError", {})
    )
    event, error = list(buffer)
    assert event.payload == b"part"
    assert event.headers[":event-type"] == "PayloadPart"
    assert (error.headers[":message-type"], error.headers[":exception-type"]) == (
        "exception",
        "ModelStreamError",
    )
