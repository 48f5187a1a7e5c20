"""A way to a server over TCP, and a network on it that can be cut without a word."""

import ctypes
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from termios import TIOCOUTQ
from threading import Thread
from time import sleep

SO_ATTACH_FILTER = 26  # Linux; the socket module does not name it
KEEP_NOTHING = struct.pack("HBBI", 6, 0, 0, 0)  # a packet filter of one instruction: return 0 bytes


class Relay:
    """Between 127.0.0.1 and a unix socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ways: list[tuple[socket.socket, socket.socket]] = []
        self._deaf: list[socket.socket] = []
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Behind a dead switch: our kernel drops what the client sends on the ways there are, so it is acknowledged by
        nobody, and says nothing itself. The server sees its end of them at once. New ways are open.

        What we have sent must be acknowledged first: else our kernel repeats it, and the client hears that we live.
        """
        program = ctypes.create_string_buffer(KEEP_NOTHING)
        ways, self._ways = self._ways, []
        while any(map(_unacknowledged, (client for client, _server in ways))):
            sleep(0.01)
        self._deaf += [client for client, _server in ways]
        for client, server in ways:
            client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
            _end(server)

    def close(self) -> None:
        _end(self._listening)
        for way in self._ways:
            _end(*way)
        _end(*self._deaf)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._path)
                self._ways.append((client, server))
                Thread(target=self._carry, args=(client, server), daemon=True).start()
                Thread(target=self._carry, args=(server, client), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        if other not in self._deaf:
            _end(other)


def _unacknowledged(sending: socket.socket) -> int:
    """In bytes, with what is not yet sent."""
    return int.from_bytes(ioctl(sending, TIOCOUTQ, bytes(4)), sys.byteorder)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay_to(path: str) -> Iterator[Relay]:
    relay = Relay(path)
    try:
        yield relay
    finally:
        relay.close()
