"""How commands reach the database: reads open the file, writes go through a running daemon or take the file."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.text import Text
from sqlmodel import Session

import config
from compliance import rulebook
from compliance.packs import RuleError
from compliance.rulebook import Rulebook
from config import Settings, SettingsError
from config.visible import visible
from dialer.action import Context
from dialer.actions import ACTIONS, REFUSALS
from dialer.clock import Clock
from dialer.db import schema
from dialer.db.database import Database, place_of
from dialer.db.place import DatabaseError, DatabaseTaken, Place

T = TypeVar("T")

MISUSE = 2
API_SECONDS = 60.0  # a batch of leads waits for its commit


def fail(message: str, code: int = 1) -> typer.Exit:
    """Say what is wrong on standard error; raise the result."""
    say(f"dialer: {message}", err=True)
    return typer.Exit(code)


def say(text: str, *, err: bool = False) -> None:
    """Lines of text on standard output or error; nothing in them steers the terminal."""
    typer.echo("\n".join(map(visible, text.split("\n"))), err=err)


class PlainConsole(Console):
    """rich's console for texts from outside: brackets are no markup, and nothing steers the terminal."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str("\n".join(map(visible, text.split("\n"))), **options)


def emit(value: Any) -> None:
    """One JSON value on standard output."""
    typer.echo(json.dumps(value, indent=2, default=str))


def load_settings(**flags: Any) -> Settings:
    """The settings, or one line and exit 1."""
    try:
        return config.load(**flags)
    except SettingsError as error:
        raise fail(str(error)) from None


def load_rulebook(settings: Settings) -> Rulebook:
    """All rule packs, or one line and exit 2: somebody has written a rule that cannot be used."""
    try:
        return rulebook.load(settings.rules_directory)
    except RuleError as error:
        raise fail(str(error), MISUSE) from None


@contextmanager
def reading(settings: Settings) -> Iterator[Session]:
    """A session to read from; one line and exit 1 when there is no database of this version."""
    try:
        schema.check_version(place_of(settings.database_url))
        database = Database.open_to_read(settings.database_url)
    except DatabaseError as error:
        raise fail(str(error)) from None
    try:
        with database.read() as session:
            yield session
    finally:
        database.close()


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon, as it announced itself."""

    url: str
    token: str

    def do(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Let the daemon carry out an action; refusals end the command with the daemon's words."""
        answer = self._request("POST", f"/api/do/{action}", json=parameters)
        if answer.status_code in (401, 404, 409, 422):
            raise fail(_words(answer))
        answer.raise_for_status()
        result: dict[str, Any] = answer.json()
        return result

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Read from the daemon."""
        answer = self._request("GET", path, params=query)
        answer.raise_for_status()
        result: dict[str, Any] = answer.json()
        return result

    def _request(self, method: str, path: str, **rest: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"{self.url}{path}", headers=headers, timeout=API_SECONDS, **rest)


def _words(answer: requests.Response) -> str:
    detail = answer.json().get("detail", answer.text)
    if isinstance(detail, str):
        return detail
    return "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in detail)


def running_daemon(settings: Settings) -> Daemon | None:
    """The daemon that writes to this database; None when none has announced itself."""
    try:
        text = place_of(settings.database_url).announced()
    except DatabaseError as error:
        raise fail(str(error)) from None
    if not text:
        return None
    told = json.loads(text)
    return Daemon(told["url"], told["token"])


class Writer:
    """Carries out actions, by way of the daemon when one runs and directly otherwise."""

    def __init__(self, settings: Settings, daemon: Daemon | None, database: Database | None) -> None:
        self._daemon, self._database = daemon, database
        self._rulebook = load_rulebook(settings) if database is not None else None
        self._clock = Clock(settings.clock_offset_seconds)

    def do(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One action; a refusal is one line and exit 1."""
        if self._daemon is not None:
            return self._daemon.do(action, parameters)
        request_type, act = ACTIONS[action]
        try:
            request = request_type.model_validate(parameters)
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise fail("; ".join(faults)) from None
        return self._directly(act, request)

    def _directly(self, act: Callable[[Context, Any], dict[str, Any]], request: BaseModel) -> dict[str, Any]:
        assert self._database is not None
        assert self._rulebook is not None
        book, now = self._rulebook, self._clock.now()
        connect_seconds = book.connect_seconds(now.date())
        try:
            return self._database.write(lambda session: act(Context(session, book, now, connect_seconds), request))
        except REFUSALS as refusal:
            raise fail(str(refusal)) from None


@contextmanager
def writing(settings: Settings) -> Iterator[Writer]:
    """A writer; makes the database when there is none yet."""
    try:
        database = schema.open_current(settings.database_url)
    except DatabaseTaken as taken:
        daemon = running_daemon(settings)
        if daemon is None:
            raise fail(f"{taken}, a command or a daemon that is just starting: try again in a moment") from None
        try:
            yield Writer(settings, daemon, None)
        except requests.RequestException as error:
            raise fail(f"the daemon at {daemon.url} does not answer: {error}") from None
        return
    except DatabaseError as error:
        raise fail(str(error)) from None
    try:
        yield Writer(settings, None, database)
    finally:
        database.close()


def place_or_fail(settings: Settings) -> Place:
    """Where the database is, or one line and exit 1."""
    try:
        return place_of(settings.database_url)
    except DatabaseError as error:
        raise fail(str(error)) from None


def perform(action: str, parameters: dict[str, Any], **flags: Any) -> dict[str, Any]:
    """Load the settings and carry out one action."""
    with writing(load_settings(**flags)) as writer:
        return writer.do(action, parameters)


def on_terminal() -> bool:
    return sys.stderr.isatty()


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Shows how many rows of a file have been read, on a terminal."""
    if not on_terminal():
        yield lambda _rows: None
        return
    name = visible(what)
    with PlainConsole(stderr=True).status(Text(f"{name}: reading")) as status:
        yield lambda rows: status.update(Text(f"{name}: {rows:,} rows"))
