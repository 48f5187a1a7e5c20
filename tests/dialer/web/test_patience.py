"""Slow and endless heads of requests, on a connection that is only pretended."""

from collections.abc import Callable

import pytest
import uvicorn
from uvicorn.server import ServerState

from dialer.web.patience import HEAD_BYTES, HEAD_SECONDS, PatientProtocol

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


class Timer:
    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self.seconds, self.call, self.cancelled = seconds, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Keeps what it is to do later, and starts nothing."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []
        self.tasks = 0

    def call_later(self, seconds, call):
        self.timers.append(Timer(seconds, call))
        return self.timers[-1]

    def create_task(self, work, **_rest):
        work.close()
        self.tasks += 1
        return self

    def add_done_callback(self, _call):
        pass

    def pass_time(self):
        for timer in self.timers:
            if not timer.cancelled:
                timer.call()


class Connection:
    closed = False
    sent = b""

    def get_extra_info(self, _name, default=None):
        return default

    def is_closing(self):
        return self.closed

    def write(self, data):
        self.sent += data

    def close(self):
        self.closed = True


async def app(_scope, _receive, _send):
    pass


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def connection():
    return Connection()


@pytest.fixture
def protocol(loop, connection):
    config = uvicorn.Config(app, log_config=None, lifespan="off", proxy_headers=False)
    protocol = PatientProtocol(config, ServerState(), {}, _loop=loop)
    protocol.connection_made(connection)
    return protocol


def test_who_connects_and_says_nothing_is_left(protocol, loop, connection):
    assert loop.timers[-1].seconds == HEAD_SECONDS
    loop.pass_time()
    assert connection.closed


def test_who_trickles_a_head_is_left(protocol, loop, connection):
    for byte in HEAD:
        protocol.data_received(bytes([byte]))
    loop.pass_time()
    assert (connection.closed, loop.tasks) == (True, 0)


def test_who_has_asked_has_all_the_time_the_answer_takes(protocol, loop, connection):
    protocol.data_received(HEAD + b"\r\n")
    loop.pass_time()
    assert (connection.closed, loop.tasks) == (False, 1)


def test_a_second_request_on_the_line_has_its_own_time(protocol, loop, connection):
    protocol.data_received(HEAD + b"\r\n" + HEAD)
    loop.pass_time()
    assert connection.closed


@pytest.mark.parametrize("part", [b"X-Y: " + b"z" * 1000 + b"\r\n", b"a" * 1000])
@pytest.mark.parametrize("begin", [HEAD, HEAD + b"X-Z: ", b"GET /"])
def test_a_head_without_end_is_refused(protocol, loop, connection, begin, part):
    """Many lines, or one that does not end."""
    protocol.data_received(begin)
    for _ in range(HEAD_BYTES // 1000 + 1):
        if not connection.closed:
            protocol.data_received(part)
    assert connection.closed
    assert connection.sent.startswith(b"HTTP/1.1 400")
    assert loop.tasks == 0


def test_a_line_that_ends_stops_the_timer(protocol, loop):
    protocol.connection_lost(None)
    assert all(timer.cancelled for timer in loop.timers)
