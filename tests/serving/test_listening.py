"""Where a server listens, and that what it says leaves at once."""

from __future__ import annotations

import asyncio
import socket

from dajeong.serving.listening import listen, url_of


def test_what_is_written_is_sent_at_once() -> None:
    """Failed where the socket did not name TCP: asyncio then leaves Nagle's algorithm on, and the second part
    of every answer waits some 40 ms for the receipt of the first.
    """
    assert asyncio.run(_no_delay(listen("127.0.0.1", 0)))


def test_the_address_is_one_to_open() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert url_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


async def _no_delay(listening: socket.socket) -> bool:
    """Whether the server's end of a connection sends without waiting."""
    found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def met(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = writer.get_extra_info("socket")
        found.set_result(bool(end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        writer.close()

    async with await asyncio.start_server(met, sock=listening):
        _, writer = await asyncio.open_connection(*listening.getsockname())
        answer = await asyncio.wait_for(found, 30)
        writer.close()
        await writer.wait_closed()
    return answer
