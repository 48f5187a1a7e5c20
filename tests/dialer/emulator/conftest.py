"""A served emulator, and an application that answers and keeps its webhooks. Loopback only; all times are tiny."""

import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
import requests
import uvicorn
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from dialer.emulator.server import EmulatorSettings, make_app
from dialer.simulation.callees import Population, Spread

ACCOUNT = "AC" + "e" * 32
TOKEN = "emulator-token"
NUMBERS = MappingProxyType(
    {
        "human": "+12125550101",
        "opt-out": "+12125550102",
        "hangs-up": "+12125550103",
        "machine": "+12125550104",
        "fax": "+12125550105",
        "busy": "+12125550106",
        "reject": "+12125550107",
        "no-answer": "+12125550108",
        "failed": "+12125550109",
        "human-as-machine": "+12125550110",
        "machine-as-human": "+12125550111",
    }
)
POPULATION = Population(
    setup=Spread(0.01),
    human_ring=Spread(0.03),
    machine_ring=Spread(0.03),
    greeting=Spread(0.15),
    recording=Spread(0.6),
    talk=Spread(0.3),
    patience=Spread(0.4),
    listening=Spread(0.5),
    key_press=Spread(0.05),
    detection=Spread(0.08),
    machine_detection=Spread(0.08),
    scripts={number: script for script, number in NUMBERS.items()},
)


class Served:
    """An ASGI application under uvicorn, in a thread."""

    def __init__(self, app: Any) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(100)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@dataclass(frozen=True)
class Asked:
    """A webhook as it came in."""

    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    genuine: bool
    at: float

    def __getitem__(self, name: str) -> str:
        return self.form[name]


@dataclass
class Application:
    """Answers by path: TwiML, an HTTP code, or a function (or coroutine) that gives either; 204 for any other path."""

    answers: dict[str, str | int | Callable[[Asked], Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._news = threading.Condition()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = (await receive())["body"].decode()
        answer = self._take(scope, body)
        if inspect.isawaitable(answer):
            answer = await answer
        http, text = (answer, "") if isinstance(answer, int) else (200, answer)
        await send({"type": "http.response.start", "status": http, "headers": [(b"content-type", b"text/xml")]})
        await send({"type": "http.response.body", "body": text.encode()})

    def _take(self, scope: Any, body: str) -> Any:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        url = f"{self.url}{scope['raw_path'].decode()}{'?' if query else ''}{query}"
        form = dict(parse_qsl(body, keep_blank_values=True))
        genuine = RequestValidator(TOKEN).validate(url, form, headers.get("x-twilio-signature", ""))
        asked = Asked(scope["path"], dict(parse_qsl(query)), form, genuine, time.monotonic())
        with self._news:
            self.asked.append(asked)
            self._news.notify_all()
        answer = self.answers.get(asked.path, 204)
        return answer(asked) if callable(answer) else answer

    def got(self, path: str, **form: str) -> list[Asked]:
        return [each for each in self.asked if each.path == path and form.items() <= each.form.items()]

    def wait(self, path: str, count: int = 1, seconds: float = 5.0, **form: str) -> list[Asked]:
        """The webhooks at a path with these parameters, once there are `count` of them."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.got(path, **form)) >= count, seconds), (
                f"{count} x {path} {form} did not come; came: {[(each.path, each.form) for each in self.asked]}"
            )
            return self.got(path, **form)

    def wait_end(self, sid: str) -> Asked:
        """The callback of a call's end; calls of `Emulator.call` subscribe to it."""
        with self._news:
            final = ("completed", "busy", "no-answer", "failed", "canceled")
            assert self._news.wait_for(
                lambda: any(each["CallStatus"] in final for each in self.got("/status", CallSid=sid)), 5.0
            ), f"no end of {sid}: {self.got('/status', CallSid=sid)}"
            return next(each for each in self.got("/status", CallSid=sid) if each["CallStatus"] in final)


class Emulator:
    """The served emulator, with Twilio's own client for it."""

    def __init__(self, application: Application, **settings: Any) -> None:
        self.application = application
        chosen = {"calls_per_second": 200.0, "population": POPULATION, **settings}
        self._served = Served(make_app(EmulatorSettings(account_sid=ACCOUNT, auth_token=TOKEN, **chosen)))
        self.url = self._served.url
        self.client = self.client_as(ACCOUNT, TOKEN)

    def client_as(self, account: str, token: str) -> Client:
        client = Client(account, token)
        client.api.base_url = self.url
        return client

    def stop(self) -> None:
        self._served.stop()

    def call(self, script: str, **parameters: Any) -> Any:
        """Place a call to a scripted number; answered at /answer, all events at /status, unless told otherwise."""
        defaults = {
            "to": NUMBERS.get(script, script),
            "from_": "+12125550199",
            "url": f"{self.application.url}/answer",
            "status_callback": f"{self.application.url}/status",
            "status_callback_event": ["initiated", "ringing", "answered", "completed"],
        }
        return self.client.calls.create(**{**defaults, **parameters})

    def record(self, sid: str) -> dict[str, Any]:
        return next(call for call in self.whole_record()["calls"] if call["sid"] == sid)

    def whole_record(self) -> dict[str, Any]:
        return dict(requests.get(f"{self.url}/emulator/record", timeout=5).json())

    def drop(self, address: str) -> requests.Response:
        return requests.post(f"{self.url}/emulator/agents/{quote(address)}/drop", timeout=5)

    def faults(self, **faults: Any) -> requests.Response:
        return requests.post(f"{self.url}/emulator/faults", json=faults, timeout=5)


@pytest.fixture(scope="session")
def application_server() -> Iterator[tuple[Application, Served]]:
    application = Application()
    served = Served(application)
    application.url = served.url
    yield application, served
    served.stop()


@pytest.fixture
def application(application_server: tuple[Application, Served]) -> Application:
    """Fresh answers and an empty memory for each test."""
    application = application_server[0]
    application.answers = {}
    application.asked = []
    return application


@pytest.fixture(scope="session")
def shared_emulator(application_server: tuple[Application, Served]) -> Iterator[Emulator]:
    emulator = Emulator(application_server[0])
    yield emulator
    emulator.stop()


@pytest.fixture
def emulator(application: Application, shared_emulator: Emulator) -> Emulator:
    return shared_emulator


@pytest.fixture
def another_emulator(application: Application) -> Iterator[Callable[..., Emulator]]:
    """Makes an emulator of its own settings."""
    made: list[Emulator] = []

    def make(**settings: Any) -> Emulator:
        made.append(Emulator(application, **settings))
        return made[-1]

    yield make
    for emulator in made:
        emulator.stop()
