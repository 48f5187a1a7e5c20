"""`dialer run` and `dialer emulator`: the two processes that stay."""

import gc
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from campaigns.campaign import E164
from compliance.packs import RuleError
from config.logging import set_up
from dialer.cli.access import MISUSE, fail, load_settings
from dialer.db import schema
from dialer.db.place import DatabaseError
from dialer.simulation.callees import DEFAULT, DEMO, Population

LOOPBACK = "127.0.0.1"


def run(
    database_url: Annotated[str | None, typer.Option(help="overrides DIALER_DATABASE_URL")] = None,
    twilio_base_url: Annotated[str | None, typer.Option(help="overrides DIALER_TWILIO_BASE_URL")] = None,
    public_url: Annotated[str | None, typer.Option(help="overrides DIALER_PUBLIC_URL")] = None,
    host: Annotated[str | None, typer.Option(help="overrides DIALER_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="overrides DIALER_PORT")] = None,
    calls_per_second: Annotated[float | None, typer.Option(help="overrides DIALER_CALLS_PER_SECOND")] = None,
    clock_offset_seconds: Annotated[float | None, typer.Option(help="overrides DIALER_CLOCK_OFFSET_SECONDS")] = None,
) -> None:
    """Run the daemon: dial for every campaign that is wanted, until interrupted."""
    from dialer import daemon  # the web server and the carrier's SDK: a second that no other command should wait

    if database_url and urlsplit(database_url).password:
        raise typer.BadParameter(
            "--database-url with a password shows it to everybody: set DIALER_DATABASE_URL instead"
        )
    settings = load_settings(
        database_url=database_url,
        twilio_base_url=twilio_base_url,
        public_url=public_url,
        host=host,
        port=port,
        calls_per_second=calls_per_second,
        clock_offset_seconds=clock_offset_seconds,
    )
    set_up(settings.log_level)
    daemon.share_one_heap()
    try:
        daemon.check_settings(settings)
        database = schema.open_current(settings.database_url, settings.node)
    except (daemon.CannotStart, DatabaseError) as error:
        raise fail(str(error)) from None
    try:
        listening = daemon.listen(settings.host, settings.port)
        _run(daemon.run(settings, database, listening))
    except daemon.CannotStart as error:
        raise fail(str(error)) from None
    except RuleError as error:
        raise fail(str(error), MISUSE) from None
    finally:
        database.close()
    daemon.leave()


def emulator(
    account_sid: Annotated[str, typer.Option(envvar="TWILIO_ACCOUNT_SID", help="account it answers to")],
    auth_token: Annotated[str, typer.Option(envvar="TWILIO_AUTH_TOKEN", help="token it checks and signs with")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="port on 127.0.0.1")] = 8081,
    calls_per_second: Annotated[float, typer.Option(min=0.01, help="calls it starts a second; the rest queues")] = 10.0,
    seed: Annotated[int, typer.Option(help="of the people who are called")] = 1,
    fast: Annotated[bool, typer.Option("--fast", help="short rings and talks, as in the demonstration")] = False,
    talk_seconds: Annotated[
        float | None, typer.Option(min=1, help="mean talk with an agent; default: 60, or 5 with --fast")
    ] = None,
    script: Annotated[list[str] | None, typer.Option(help="+12125550101=busy: what a number does; repeat")] = None,
    agent_number: Annotated[list[str] | None, typer.Option(help="number that is an agent's phone; repeat")] = None,
    clock_offset_seconds: Annotated[float, typer.Option(help="shifts the clock")] = 0.0,
    journal: Annotated[Path | None, typer.Option(help="file for every change of a call, in JSON lines")] = None,
) -> None:
    """Run a carrier for trying things out: speaks like Twilio, calls nobody, listens on this machine only."""
    import uvicorn

    from dialer import daemon
    from dialer.emulator.server import make_app
    from dialer.emulator.settings import EmulatorSettings

    set_up("warning")
    population = _scripted(DEMO if fast else DEFAULT, script or ())
    if talk_seconds is not None:
        population = replace(population, talk=replace(population.talk, mean=talk_seconds))
    settings = EmulatorSettings(
        account_sid,
        auth_token,
        calls_per_second=calls_per_second,
        seed=seed,
        population=population,
        clock_offset_seconds=clock_offset_seconds,
        agent_numbers=frozenset(agent_number or ()),
        journal=journal,
    )
    try:
        listening = daemon.listen(LOOPBACK, port)
    except daemon.CannotStart as error:
        raise fail(str(error)) from None
    gc.callbacks.append(_set_aside)
    config = uvicorn.Config(make_app(settings), log_config=None, access_log=False, timeout_graceful_shutdown=2)
    _run(uvicorn.Server(config).serve(sockets=[listening]))


def _set_aside(phase: str, info: dict[str, int]) -> None:
    """After a collection of garbage what is left is not looked through again: every call is kept for the record, and to
    look at them all stopped the carrier for two seconds after half an hour of 30 calls a second.
    """
    if phase == "stop" and info["generation"] > 0:
        gc.freeze()


def _scripted(population: Population, texts: Sequence[str]) -> Population:
    scripts = {number: script for number, _equals, script in (text.partition("=") for text in texts)}
    odd = [number for number in scripts if not E164.fullmatch(number)]
    if odd:
        raise typer.BadParameter(f"--script: {odd[0]!r} is no number: write +12125550101=busy")
    try:
        return replace(population, scripts=scripts)
    except ValueError as error:
        raise typer.BadParameter(f"--script: {error}") from None


def _run(main: Coroutine[Any, Any, None]) -> None:
    import uvloop

    uvloop.run(main)
