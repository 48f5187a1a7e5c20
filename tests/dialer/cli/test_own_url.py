"""The public URL leads to this dialer, or it is said why not."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from dialer.cli import own_url


@pytest.fixture
def serve():
    """Another program; gives its URL."""
    running = []

    def serve(code=200, body=b"", headers=()):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(code)
                for header in headers:
                    self.send_header(*header)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def free_port(serve):
    """A port that was free a moment ago."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return server.server_port


def test_what_stands_in_for_the_daemon_is_reached_and_gone_afterwards(free_port):
    base = f"http://127.0.0.1:{free_port}"
    with own_url.standing_in("127.0.0.1", free_port) as token:
        assert own_url.fault(base, token) == ""
        assert "another program" in own_url.fault(base, "another token")
        assert "answers 404" in own_url.fault(f"{base}/prefix", token)
    assert "cannot be reached from here" in own_url.fault(base, token)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"alive": "yes"}', b'{"proof": null}'])
def test_another_program_is_not_taken_for_this_one(serve, body):
    assert "leads to another program than this dialer" in own_url.fault(serve(body=body), "token")


def test_a_proxy_without_its_dialer_is_told(serve):
    assert "/healthz answers 502: correct DIALER_PUBLIC_URL" in own_url.fault(serve(502), "token")


def test_a_redirect_is_not_followed_for_the_carrier_signs_what_it_was_given(serve):
    url = serve(301, headers=[("Location", "https://elsewhere.example/healthz?nonce=1")])
    assert own_url.fault(url, "token") == (
        f"{url} sends on to https://elsewhere.example/healthz: set DIALER_PUBLIC_URL to where it ends"
    )


def test_a_taken_port_is_an_error_of_the_system(serve):
    port = int(serve().rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"), own_url.standing_in("127.0.0.1", port):
        pass


@pytest.mark.parametrize(("code", "open_"), [(200, True), (401, True), (403, False), (404, False), (502, False)])
def test_an_api_that_answers_at_the_public_url_is_a_fault(serve, code, open_):
    base = serve(code)
    assert own_url.api_fault(base) == (
        f"{base}/api can be reached by everybody: let the proxy pass /voice/ and /healthz only" if open_ else ""
    )


def test_an_address_that_does_not_answer_shows_nobody_the_api(free_port):
    assert own_url.api_fault(f"http://127.0.0.1:{free_port}") == ""
