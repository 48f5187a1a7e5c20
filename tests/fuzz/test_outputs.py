"""Names and texts from outside, in every output: no formula, no markup, no terminal command, no second line, no SQL."""

import csv
import io
import json
from contextlib import redirect_stderr
from xml.etree import ElementTree

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from campaigns.dispositions import Kind
from campaigns.formulas import STARTS, harmless, restored
from campaigns.lead_file import LeadRow
from campaigns.lead_store import load_batch, open_list
from campaigns.reports.dispositions import By, DispositionReport, Section
from campaigns.reports.render import as_csv, as_json, as_table
from campaigns.reports.tally import Cell, tally
from campaigns.store import UnknownCampaign, campaign_named
from compliance.evidence import plain
from config.logging import set_up
from config.visible import visible
from dialer.cli import app
from dialer.cli.access import PlainConsole, fail, say
from dialer.simulation.plot import plotted
from dialer.telephony import twiml
from tests.fuzz.conftest import fuzzed, hostile

LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def report(name: str) -> DispositionReport:
    cells = [Cell(key=None, live=False, disposition="sale", answered=True, abandoned=False, attempts=3)]
    section = Section(name, tally(cells), leads_tried=2, leads_loaded=8)
    return DispositionReport(name, "telemarketing", "UTC", None, None, By.LIST, (section,), section)


def printed(renderable, console_type=Console) -> str:
    console = console_type()
    console.file, console.width = io.StringIO(), 40_000
    console.print(renderable)
    return console.file.getvalue()


def is_harmless_on_a_terminal(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


@fuzzed
@given(text=hostile)
def test_what_is_shown_is_printable_and_tells_texts_apart(text):
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown
    assert (shown == text) == text.isprintable()


@fuzzed
@given(cell=hostile)
def test_no_cell_begins_as_a_formula_and_none_is_lost(cell):
    assert not harmless(cell).startswith(STARTS)
    assert restored(harmless(cell)) == cell


@fuzzed
@given(name=hostile)
def test_a_report_for_spreadsheets_holds_no_formula(name):
    rows = list(csv.reader(io.StringIO(as_csv(report(name)), newline="")))
    assert {row[0] for row in rows[1:]} == {harmless(name)}
    assert not [cell for row in rows for cell in row if cell.startswith(STARTS)]


@fuzzed
@given(name=hostile)
def test_a_report_on_a_terminal_is_text_and_nothing_else(name):
    shown = printed(as_table(report(name)))
    assert is_harmless_on_a_terminal(shown)
    assert visible(name).strip()[:20] in shown


@fuzzed
@given(name=hostile)
def test_a_report_as_json_comes_back_as_it_was(name):
    assert json.loads(json.dumps(as_json(report(name))))["campaign"] == name
    assert json.dumps(as_json(report(name))).isascii()


@fuzzed
@given(cell=hostile, title=hostile)
def test_a_table_shows_brackets_and_escapes_as_they_stand(cell, title):
    table = Table("name", title=title)
    table.add_row(cell)
    shown = printed(table, PlainConsole)
    assert is_harmless_on_a_terminal(shown)
    assert all(visible(word) in shown for word in cell.split(" ")[:3] if "\n" not in word)


@fuzzed
@given(text=hostile)
def test_a_message_of_the_command_line_steers_no_terminal(capsys, text):
    say(text)
    fail(text)
    told = capsys.readouterr()
    assert is_harmless_on_a_terminal(told.out)
    assert is_harmless_on_a_terminal(told.err)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@fuzzed
@given(text=hostile, key=st.sampled_from(("error", "problem", "agent", "campaign", "number")))
@pytest.mark.parametrize("stream_type", [io.StringIO, Terminal])
def test_a_log_line_stays_one_line(stream_type, text, key):
    stream = stream_type()
    with redirect_stderr(stream):
        set_up("info")
        structlog.get_logger().error("happened", **{key: text})
    structlog.reset_defaults()
    logged = stream.getvalue()
    assert logged.endswith("\n")
    assert not set(logged[:-1]) & set(LINE_ENDS)
    assert len(logged) < 20_000
    if stream_type is io.StringIO:
        assert json.loads(logged)["event"] == "happened"
    else:
        assert not set(logged) & set("\x00\x07\x08\x9b\u202e\u2066")
        assert "\x1b[2J" not in logged


@fuzzed
@given(client=hostile, clients=st.lists(hostile, max_size=3))
def test_what_a_caller_hears_is_valid_xml_with_the_name_as_text(client, clients):
    texts = twiml.message(Kind.SURVEY, client, "+12125550199", "https://x/k?a=1"), twiml.receive(clients, "https://x/k")
    for text in texts:
        root = ElementTree.fromstring(text)
        assert [element.tag for element in root.iter()] == ["Response", "Gather", "Say", "Hangup"]


@fuzzed
@given(title=hostile)
def test_a_plot_holds_no_markup_from_its_title(title):
    root = ElementTree.fromstring(plotted(visible(title), [(5, 0.5), (6, 0.4)], [(5, 1.0)]))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        *["svg", "title", "rect", "text", "polyline", "line", "circle"]
    }
    assert visible(title) in {element.text or "" for element in root.iter()}


@fuzzed
@given(value=st.recursive(hostile, lambda inner: st.lists(inner) | st.dictionaries(hostile, inner), max_leaves=5))
def test_evidence_is_plain_json_and_comes_back(value):
    assert json.loads(json.dumps(plain(value), indent=1)) == plain(value)


in_database = hostile.map(lambda text: text.replace("\0", "").encode("utf-8", "replace").decode())


@pytest.mark.both_databases
@fuzzed
@given(text=in_database)
def test_a_name_is_a_value_for_the_database_and_never_a_statement(build, database, clock, text):
    campaign = build.campaign(f"c{len(build.rows('campaign'))}")
    leads_before = len(build.rows("lead"))
    row = LeadRow(1, text, text, text, text, text, text, text, text, None, (("+12125550101", text),), {text: text})

    def load(session):
        return load_batch(session, open_list(session, campaign, text, clock.now()), [row, row._replace(line=2)])

    assert database.write(load).accepted == 1
    lead = build.rows("lead", campaign_id=campaign)[-1]
    assert (lead["first_name"], lead["external_id"], lead["custom"]) == (text, text, {text: text})
    assert len(build.rows("lead")) == leads_before + 1
    with pytest.raises(UnknownCampaign), database.read() as session:
        campaign_named(session, f"{text} of nobody")


@settings(fuzzed, max_examples=max(6, fuzzed.max_examples // 20))  # each is four commands
@given(text=in_database.map(lambda text: text[:200]))
def test_the_command_line_shows_a_person_as_text(build, database_url, monkeypatch, text):
    monkeypatch.setenv("DIALER_DATABASE_URL", database_url)
    campaign = build.campaign(f"c{len(build.rows('campaign'))}", note=text)
    number = f"+1212555{len(build.rows('lead')) + 1000}"
    lead = build.lead(campaign, number, first_name=text, custom={text: text})
    name = f"anna{lead}"
    build.agent(name, campaign, "on-call", attempt_id=build.attempt(lead, "connected"), reason=text)
    for words in (
        ("agent", "show", name),
        ("agent", "list"),
        ("campaign", "show", f"c{campaign - 1}"),
        ("why", number),
    ):
        done = CliRunner().invoke(app, words, terminal_width=200)
        assert done.exit_code == 0, (words, done.output, done.exception)
        assert is_harmless_on_a_terminal(done.output), words
