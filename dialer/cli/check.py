"""`dialer check`: whether everything that a daemon needs is in order, and what to do where it is not."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import requests
import typer
from sqlalchemy import exists, func, select
from sqlmodel import Session

import config
from compliance import rulebook
from compliance.packs import RuleError
from config import Settings, SettingsError
from dialer.cli import own_url
from dialer.cli.access import Daemon, emit, reading, running_daemons, say
from dialer.clock import Clock
from dialer.db import schema
from dialer.db.database import place_of
from dialer.db.place import DatabaseError, Place
from dialer.db.postgres import PostgresDatabase
from dialer.db.sqlite import SqliteFile
from dialer.store import ATTEMPT, CAMPAIGN, CARRIER_EVENT
from dialer.telephony import account
from dialer.telephony.carrier import CarrierError, CarrierRefusesUs

LATELY, PROMPT = timedelta(hours=1), timedelta(minutes=1)  # calls to tell by; webhooks come within seconds
CLOCK_OFF = timedelta(seconds=2)  # as much as is allowed for when calls are looked up by their dates
QUEUED_SECONDS = 1.0  # longer, and the carrier starts calls that were meant for another moment
FREE_BYTES = 2**30  # and as much again as the database: a backup, a restore, the write-ahead log


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fault` says what is wrong and what to do, and is empty when nothing is."""

    check: str
    fault: str = ""
    detail: str = ""


def check(json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Check settings, rules, schema, disk or server, account, clock, calls per second, public URL; exit 1 on faults."""
    findings = list(_findings())
    if json:
        emit({"ok": not any(found.fault for found in findings), "checks": [asdict(found) for found in findings]})
    else:
        for found in findings:
            say(f"{found.check}: " + (found.fault or ", ".join(filter(None, ("ok", found.detail)))))
    if any(found.fault for found in findings):
        raise typer.Exit(1)


def _findings() -> Iterator[Finding]:
    try:
        settings = config.load()
    except SettingsError as error:
        yield Finding("settings", str(error))
        return
    yield Finding("settings")
    yield _rules(settings)
    try:
        place = place_of(settings.database_url)
    except DatabaseError as error:
        yield Finding("schema", str(error))
        return
    yield from _database(settings, place)
    yield from _account(settings)
    yield from _public_url(settings)


def _rules(settings: Settings) -> Finding:
    try:
        book = rulebook.load(settings.rules_directory)
    except RuleError as error:
        return Finding("rules", str(error))
    return Finding("rules", detail=f"{len(book.packs)} files")


def _database(settings: Settings, place: Place) -> Iterator[Finding]:
    try:
        schema.check_version(place)
    except DatabaseError as error:
        yield Finding("schema", str(error))
        return  # where it is to be is not known to be right
    yield Finding("schema", detail=schema.HEAD)
    if isinstance(place, SqliteFile):
        path = place.path
        yield disk(shutil.disk_usage(path.resolve().parent).free, _size(path), path)
    if isinstance(place, PostgresDatabase):
        yield durability(place.switched_off())
    with reading(settings) as session:
        yield webhooks(*_heard(session, Clock(settings.clock_offset_seconds).now()))


def _heard(session: Session, now: datetime) -> tuple[int, int]:
    """Calls that the carrier took between an hour and a minute ago, and those of them that it told anything of."""
    placed = (
        ATTEMPT.c.campaign_id.in_(select(CAMPAIGN.c.id)),  # of all, but the index of their times begins with it
        ATTEMPT.c.placing_at >= now - LATELY,
        ATTEMPT.c.placing_at < now - PROMPT,
        ATTEMPT.c.call_sid.is_not(None),
    )
    told = exists().where(CARRIER_EVENT.c.attempt_id == ATTEMPT.c.id)
    count = select(func.count()).select_from(ATTEMPT).where(*placed)
    return session.connection().scalar(count) or 0, session.connection().scalar(count.where(told)) or 0


def _size(path: Path) -> int:
    files = (Path(f"{path}{end}") for end in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _account(settings: Settings) -> Iterator[Finding]:
    sid, token = settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value()
    if not sid or not token:
        yield Finding("account", "none is set: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
        return
    clock = Clock()
    before = clock.now()
    try:
        told = account.ask(sid, token, settings.twilio_base_url)
    except CarrierRefusesUs as error:
        yield Finding("account", f"{error}: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
        return
    except CarrierError as error:
        yield Finding("account", f"{error}: check DIALER_TWILIO_BASE_URL and the network")
        return
    yield Finding("account", detail="accepted")
    yield clocks(before, clock.now(), told.date)
    yield calls_per_second(settings.calls_per_second, told.queued_seconds)


def _public_url(settings: Settings) -> Iterator[Finding]:
    base = settings.webhook_base
    if not base:
        yield Finding("public URL", "none is set: set DIALER_PUBLIC_URL to where the carrier can reach this daemon")
        return
    daemons = running_daemons(settings)
    if daemons:
        yield from map(_daemon, daemons)
        faults = [own_url.fault(base, daemon.token) for daemon in daemons]  # behind the URL may be any of them
        yield Finding("public URL", "" if "" in faults else faults[0], base)
        if base != settings.local_url:
            yield Finding("control API", own_url.api_fault(base), "not at the public URL")
        return
    try:
        with own_url.standing_in(settings.host, settings.port) as token:
            yield Finding("public URL", own_url.fault(base, token), base)
    except OSError as error:
        where, reason = f"{settings.host}:{settings.port}", error.strerror or error
        remedy = "stop what uses it, or set DIALER_PORT or DIALER_HOST"
        yield Finding("public URL", f"not tried: cannot listen on {where}: {reason}: {remedy}")


def _daemon(daemon: Daemon) -> Finding:
    try:
        with requests.Session() as session:
            session.trust_env = False
            told = session.get(f"{daemon.url}/readyz", timeout=own_url.ANSWER_SECONDS).json()
    except requests.RequestException as error:
        where = f"{daemon.node} at {daemon.url}"
        return Finding("daemon", f"{where} does not answer ({type(error).__name__}): see its log, start it again")
    fault = f"{daemon.node}: {'; '.join(told['reasons'])}" if told["reasons"] else ""
    return Finding("daemon", fault, f"{daemon.node} ready, holds {', '.join(told['leases']) or 'no lease'}")


def disk(free: int, used: int, path: Path) -> Finding:
    """`free` and `used` in bytes."""
    detail = f"{free / 2**30:.1f} GiB free, the database has {used / 2**30:.1f}"
    wanted = FREE_BYTES + used
    if free < wanted:
        remedy = f"free {(wanted - free) / 2**30:.1f} GiB there or move the database"
        return Finding("disk", f"{path.resolve().parent}: {detail}: {remedy}")
    return Finding("disk", detail=detail)


def durability(switched_off: Collection[str]) -> Finding:
    """Whether what a database server has committed outlives its machine, by its settings that are off."""
    if "fsync" in switched_off:
        lost = "what it has committed is lost or damaged when its machine fails"
        remedy = "set it to on in its postgresql.conf, reload the server, then run `sync` on its machine"
        return Finding("durability", f"the server's fsync is off, so {lost}: {remedy}")
    if "full_page_writes" in switched_off:  # ... and we cannot see on which file system
        detail = (
            "but the server's full_page_writes is off: set it to on unless its file system cannot tear a page (ZFS)"
        )
        return Finding("durability", detail=detail)
    return Finding("durability", detail="the server keeps what it has committed")


def webhooks(calls: int, told_of: int) -> Finding:
    """Whether the carrier reaches us, by the calls of the last hour: nobody else can say so of its side."""
    if not calls:
        return Finding("webhooks", detail="no call of late to tell by")
    detail = f"the carrier has told of {told_of} of the last hour's {calls} calls"
    remedy = "see the carrier's debugger, then DIALER_PUBLIC_URL, the proxy and TWILIO_AUTH_TOKEN"
    return Finding("webhooks", "" if told_of == calls else f"{detail}: {remedy}", detail)


def clocks(before: datetime, after: datetime, carriers: datetime) -> Finding:
    """Whether our clock, read before and after a request, agrees with the whole seconds that were told in between."""
    ahead = max(before - carriers - timedelta(seconds=1), timedelta())
    behind = max(carriers - after, timedelta())
    off = max(ahead, behind).total_seconds()
    if off > CLOCK_OFF.total_seconds():
        which = "ahead of" if ahead else "behind"
        return Finding(
            "clock", f"{off:.0f} s {which} the carrier's: set it by NTP, or calling hours are judged wrongly"
        )
    return Finding("clock", detail="agrees with the carrier's")


def calls_per_second(setting: float, queued_seconds: Sequence[float]) -> Finding:
    """Whether the account starts calls as fast as we are set to ask for them, by how long the latest ones waited."""
    name = "calls per second"
    late = [seconds for seconds in queued_seconds if seconds > QUEUED_SECONDS]
    if late:
        seen = f"{len(late)} of the last hour's latest {len(queued_seconds)} calls waited up to {max(late):.0f} s"
        remedy = "lower DIALER_CALLS_PER_SECOND or have the carrier raise the account's"
        return Finding(name, f"{seen} in the carrier's queue at {setting:g}: {remedy}")
    told_by = (
        f"by the last hour's latest {len(queued_seconds)} calls" if queued_seconds else "no call of late to tell by"
    )
    return Finding(name, detail=f"{setting:g}, {told_by}")
