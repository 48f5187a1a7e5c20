"""The lab's faulty way through the network fails as it says it does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.faultlab.proxy import Proxy
from tests.faultlab.schedule import Cut


class Answering(BaseHTTPRequestHandler):
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 1000)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def seen() -> list[str]:
    """Paths that reached the server."""
    return []


@contextmanager
def serving(seen: list[str]) -> Iterator[int]:
    """The port of a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Answering,), {"seen": seen}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(seen: list[str]) -> Iterator[Proxy]:
    with serving(seen) as port:
        way = Proxy(port)
        yield way
        way.close()


def get(proxy: Proxy, path: str, seconds: float = 5.0) -> str:
    return requests.get(f"http://127.0.0.1:{proxy.port}{path}", timeout=seconds).text


@pytest.mark.parametrize(
    ("cut", "error", "delivered"),
    [
        (Cut.REFUSE, requests.ConnectionError, []),
        (Cut.RESET, requests.RequestException, ["/cut"]),
        (Cut.SWALLOW, requests.ConnectionError, ["/cut"]),
        (Cut.STALL, requests.ReadTimeout, []),
    ],
)
def test_a_cut_fails_in_its_own_way_and_heals(proxy, seen, cut, error, delivered):
    assert get(proxy, "/before") == "x" * 1000
    proxy.cut(cut)
    with pytest.raises(error):
        get(proxy, "/cut", 0.5)
    assert seen == ["/before", *delivered]
    proxy.cut(Cut.OPEN)
    assert get(proxy, "/after") == "x" * 1000


def test_what_was_stalled_arrives_when_it_heals(proxy, seen):
    proxy.cut(Cut.STALL)
    threading.Timer(0.3, proxy.cut, [Cut.OPEN]).start()
    assert (get(proxy, "/late"), seen) == ("x" * 1000, ["/late"])


def test_a_kept_connection_does_not_get_round_a_cut(proxy):
    with requests.Session() as session:
        session.get(f"http://127.0.0.1:{proxy.port}/before", timeout=5)
        proxy.cut(Cut.REFUSE)
        with pytest.raises(requests.ConnectionError):
            session.get(f"http://127.0.0.1:{proxy.port}/cut", timeout=5)


def test_of_several_targets_each_is_taken_in_turn_and_one_that_is_gone_is_passed_over():
    one, two = list[str](), list[str]()
    with serving(one) as first:
        with serving(two) as second:
            balancer = Proxy(first, second)
            for n in range(4):
                get(balancer, f"/{n}")
            assert (len(one), len(two)) == (2, 2)
        for n in range(2):
            get(balancer, f"/{n}")
        assert (len(one), dict(balancer.taken)) == (4, {first: 4, second: 2})
        balancer.close()


def test_what_a_target_that_is_left_out_was_asked_is_broken_off():
    answers = list[str]()
    with socket.create_server(("127.0.0.1", 0)) as stands_still, serving(answers) as other:
        still = stands_still.getsockname()[1]
        balancer = Proxy(other, still)
        threading.Timer(0.3, balancer.leave_out, [still]).start()
        with pytest.raises(requests.ConnectionError):
            get(balancer, "/asked")
        for n in range(3):
            get(balancer, f"/{n}")
        assert (answers, balancer.taken[still]) == (["/0", "/1", "/2"], 1)
        balancer.take_in(still)
        for n in range(2):
            with suppress(requests.ReadTimeout):
                get(balancer, f"/{n}", 0.3)
        assert balancer.taken[still] == 2
        balancer.close()
