"""A faulty way through the network: a TCP proxy on loopback that refuses, resets, stalls or swallows on command.

With several targets it is a load balancer too: each connection goes to the next of them that takes it.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from concurrent.futures import Future
from typing import Any

from tests.faultlab.schedule import Cut

CHUNK = 65536


class Proxy:
    """Listens on a port of its own, in a thread; `cut` changes how it fails, `close` ends it."""

    def __init__(self, *target_ports: int) -> None:
        self.cuts_felt = 0  # connections that a cut has touched
        self.taken = Counter[int]()  # connections by target
        self._targets = list(target_ports)
        self._out: set[int] = set()
        self._cut = Cut.OPEN
        self._writers: dict[asyncio.StreamWriter, int] = {}  # and the target of its connection
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0
        self._call(self._listen())

    def cut(self, how: Cut) -> None:
        self._call(self._change(how))

    def leave_out(self, target_port: int) -> None:
        """No more goes to a target that does not answer, if there is another; what it was asked is broken off."""
        self._call(self._leave_out(target_port))

    def take_in(self, target_port: int) -> None:
        self._out.discard(target_port)

    def close(self) -> None:
        self._call(self._change(Cut.REFUSE))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _call(self, work: Any) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(10)

    async def _listen(self) -> None:
        self._flows.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _change(self, how: Cut) -> None:
        self._cut = how
        self._flows.set()
        if how is Cut.STALL:
            self._flows.clear()
        if how is Cut.REFUSE and self._server is not None:
            self._server.close()
            self._server = None
            for writer in list(self._writers):
                self._reset(writer)
        if how is not Cut.REFUSE and self._server is None:
            await self._listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target, there_reader, there_writer = await self._connect()
        except OSError:
            self._reset(writer)
            return
        self.taken[target] += 1
        ends = {writer: target, there_writer: target}
        self._writers |= ends
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forth(reader, there_writer))
                both.create_task(self._back(there_reader, writer, there_writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in ends:
                self._writers.pop(end, None)
                end.close()

    async def _connect(self) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError when no target takes it."""
        self._targets.append(self._targets.pop(0))
        problem = OSError("no target")
        for target in [target for target in self._targets if target not in self._out] or self._targets:
            try:
                return target, *await asyncio.open_connection("127.0.0.1", target)
            except OSError as error:
                problem = error
        raise problem

    async def _leave_out(self, target: int) -> None:
        self._out.add(target)
        if self._out >= set(self._targets):
            return
        for writer, of in list(self._writers.items()):
            if of == target:
                self._reset(writer)

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._stalled()
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(CHUNK):
            await self._stalled()
            if self._cut in (Cut.RESET, Cut.SWALLOW):
                self.cuts_felt += 1
                if self._cut is Cut.RESET:
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                self._reset(writer)
                self._reset(there)
                return
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _stalled(self) -> None:
        if self._cut is Cut.STALL:
            self.cuts_felt += 1
        await self._flows.wait()

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        """Linger of no time makes the kernel send a reset instead of an orderly end."""
        found = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
