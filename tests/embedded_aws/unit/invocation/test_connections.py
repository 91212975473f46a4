"""The client of instances, against servers that answer in every way HTTP allows, and in others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from embedded_aws.invocation import connections as subject
from embedded_aws.invocation.connections import Broken, Connections, TooLarge, Unreachable

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
CLOSE = b"CLOSE"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"


@pytest.fixture(autouse=True)
def kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LONGEST_IDLE_S", 600)


async def served(answers: list[bytes], talk: Callable[[Connections, int], Awaitable[None]]) -> list[int]:
    """Talk to a server that gives the answers in turn; how many requests each connection carried.

    It closes the connection after an answer that ends with CLOSE, which is not sent.
    """
    carried: list[int] = []
    handlers: list[asyncio.Task[None] | None] = []
    left = iter(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = len(carried)
        carried.append(0)
        content = b""
        while not content.endswith(CLOSE):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            carried[place] += 1
            content = next(left)
            writer.write(content.removesuffix(CLOSE))

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        try:
            await answer(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # the client closed it
        finally:
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    connections = Connections()
    try:
        await asyncio.wait_for(talk(connections, server.sockets[0].getsockname()[1]), 90)
    finally:
        connections.close()
        server.close()
        await asyncio.gather(*(task for task in handlers if task is not None))
    return carried


def test_connections_are_kept() -> None:
    async def talk(connections: Connections, port: int) -> None:
        for body in (b"x", b"y" * 200_000):
            reply = await connections.post(port, {"a": "b"}, body, 60, 100)
            assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"ok", "text/plain")
        assert (await connections.post(port, {}, b"", 60, 100)).body == b"abcde"

    assert asyncio.run(served([OK, OK, CHUNKED], talk)) == [3]


def test_an_answer_that_ends_with_the_connection() -> None:
    async def talk(connections: Connections, port: int) -> None:
        assert (await connections.post(port, {}, b"", 60, 100)).body == b"whole"
        assert (await connections.post(port, {}, b"", 60, 100)).body == b"ok"

    assert asyncio.run(served([b"HTTP/1.0 200 OK\r\n\r\nwhole" + CLOSE, OK], talk)) == [1, 1]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (CLOSE, Broken),
        (b"HTTP/1.1 200 OK\r\nContent-" + CLOSE, Broken),
        (b"this is no HTTP\r\n\r\n", Broken),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"x" * 500, TooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx", TimeoutError),
    ],
)
def test_answers_that_are_none(answer: bytes, error: type[Exception]) -> None:
    limit_s = 0.3 if error is TimeoutError else 60

    async def talk(connections: Connections, port: int) -> None:
        with pytest.raises(error):
            await connections.post(port, {}, b"", limit_s, 100)
        assert (await connections.post(port, {}, b"", 60, 100)).body == b"ok"

    assert asyncio.run(served([answer, OK], talk))[-1] == 1


def test_nobody_listens() -> None:
    async def talk(connections: Connections, port: int) -> None:
        with pytest.raises(Unreachable):
            await connections.post(1, {}, b"", 60, 100)

    asyncio.run(served([], talk))


def test_parts_come_as_they_are_sent() -> None:
    async def talk(connections: Connections, port: int) -> None:
        reply, parts = await connections.stream(port, {}, b"", 60)
        assert reply.status == 200
        assert [part async for part in parts] == [b"ab", b"cde"]
        reply, parts = await connections.stream(port, {}, b"", 60)
        with pytest.raises(Broken):
            assert [part async for part in parts]

    assert asyncio.run(served([CHUNKED, CHUNKED[:-5] + CLOSE], talk)) == [2]
