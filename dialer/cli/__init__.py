"""The command line: noun, then verb; data on standard output, messages on standard error."""

import typer

from dialer.cli import (
    agent,
    campaign,
    check,
    compliance,
    consent,
    database,
    demo,
    dnc,
    emergency,
    evidence,
    leads,
    privacy,
    report,
    run,
    simulate,
    why,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Outbound predictive dialer. Exit codes: 0 done, 1 failed, 2 misuse.",
)
app.command()(run.run)
app.command()(demo.demo)
app.command()(check.check)
app.command()(run.emulator)
app.command()(simulate.simulate)
app.command()(why.why)
app.add_typer(campaign.app, name="campaign")
app.add_typer(leads.app, name="leads")
app.add_typer(agent.app, name="agent")
app.add_typer(dnc.app, name="dnc")
app.add_typer(consent.app, name="consent")
app.add_typer(emergency.app, name="emergency")
app.add_typer(evidence.app, name="evidence")
app.add_typer(privacy.app, name="privacy")
app.add_typer(compliance.app, name="compliance")
app.add_typer(report.app, name="report")
app.add_typer(database.app, name="db")


def main() -> None:
    """The `dialer` command."""
    app()
