"""Whether the public URL leads to this dialer: it is asked for a proof that only this one can give."""

import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import requests

from dialer.web.proof import proof

ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.02


def fault(base: str, token: str) -> str:
    """Why the carrier would not reach the dialer with this token at `base`, and what to do; empty when it would."""
    nonce, remedy = secrets.token_hex(16), "correct DIALER_PUBLIC_URL, or where the proxy sends it"
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(
                f"{base}/healthz", params={"nonce": nonce}, timeout=ANSWER_SECONDS, allow_redirects=False
            )
    except requests.RequestException as error:
        return f"{base} cannot be reached from here ({type(error).__name__}): {remedy}"
    if answer.is_redirect:
        return f"{base} sends on to {answer.headers['Location'].split('?')[0]}: set DIALER_PUBLIC_URL to where it ends"
    if answer.status_code != 200:
        return f"{base}/healthz answers {answer.status_code}: {remedy}"
    try:
        given = answer.json().get("proof")
    except (ValueError, AttributeError):
        given = None
    return "" if given == proof(token, nonce) else f"{base} leads to another program than this dialer: {remedy}"


def api_fault(base: str) -> str:
    """Whether the daemon's control API answers at the public URL too, and what to do; empty when it does not."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            code = session.get(f"{base}/api/floor", timeout=ANSWER_SECONDS, allow_redirects=False).status_code
    except requests.RequestException:
        return ""
    if code not in (200, 401):
        return ""
    return f"{base}/api can be reached by everybody: let the proxy pass /voice/ and /healthz only"


@contextmanager
def standing_in(host: str, port: int) -> Iterator[str]:
    """Answer `/healthz` in the place of a daemon that does not run; gives a token. Raises OSError for a taken port."""
    token = secrets.token_hex(16)
    server = _server(host, port, token)
    thread = Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield token
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _server(host: str, port: int, token: str) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            nonce = parse_qs(asked.query).get("nonce", [""])[0]
            self.send_response(200 if asked.path == "/healthz" else 404)
            self.end_headers()
            if asked.path == "/healthz":
                self.wfile.write(json.dumps({"alive": "yes", "proof": proof(token, nonce)}).encode())

        def log_message(self, *_words: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server((host, port), Handler)
