"""A disposition report for people, for spreadsheets and for programs. Undefined rates are shown as such, never as 0."""

import csv
import io
from collections.abc import Iterator
from itertools import repeat
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from campaigns.dispositions import Kind, lookup
from campaigns.formulas import harmless
from campaigns.reports.dispositions import DispositionReport, Section
from campaigns.reports.tally import Ratio, Tally
from config.visible import visible

UNDEFINED = "n/a"
CSV_COLUMNS = ("group", "entry", "code", "label", "count", "of", "value")


def as_table(report: DispositionReport) -> Group:
    """For the terminal: counts with percentages, then the rates with what they are made of."""
    return Group(_heading(report), _counts(report), _rates(report))


def as_csv(report: DispositionReport) -> str:
    """RFC 4180: one header line, then for every group and the total: a line for each count and each rate (`entry`).

    `value` is `count` / `of`: a fraction 0-1 for counts and rates, a mean for attempts-per-lead, n/a when undefined.
    Texts that a spreadsheet would run as a formula have an apostrophe put before them.
    """
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(CSV_COLUMNS)
    for section in (*report.groups, report.total):
        name, attempts = harmless(section.name), section.tally.attempts
        for code, label, count in _lines(section.tally):
            lines.writerow((name, "disposition", code, label, count, attempts, _number(Ratio(count, attempts))))
        lines.writerow((name, "total", "attempts", "Attempts", attempts, attempts, _number(Ratio(attempts, attempts))))
        for code, label, ratio in _ratios(section, report.kind):
            lines.writerow((name, "rate", code, label, ratio.numerator, ratio.denominator, _number(ratio)))
    return written.getvalue()


def as_json(report: DispositionReport) -> dict[str, Any]:
    """The report as plain values.

    {"campaign", "kind", "zone", "from", "to" (the first day not counted; both YYYY-MM-DD or null), "by" (or null),
    "groups": [section …], "total": section}, where a section is {"name", "attempts", "dispositions": [{"code", "label",
    "attempts", "share"} …], "rates": {code: {"numerator", "denominator", "value"} …}}. The attempts of a section's
    dispositions, with the lines `live` and `undisposed`, add up to its attempts. Shares and rates are fractions 0-1,
    attempts-per-lead a mean; null when undefined. The rates of leads stand only where leads are counted: in lists and
    in the total.
    """
    return {
        "campaign": report.campaign,
        "kind": report.kind,
        "zone": report.zone,
        "from": None if report.start is None else report.start.isoformat(),
        "to": None if report.end is None else report.end.isoformat(),
        "by": report.by,
        "groups": [_section(section, report.kind) for section in report.groups],
        "total": _section(report.total, report.kind),
    }


def _section(section: Section, kind: str) -> dict[str, Any]:
    attempts = section.tally.attempts
    return {
        "name": section.name,
        "attempts": attempts,
        "dispositions": [
            {"code": code, "label": label, "attempts": count, "share": Ratio(count, attempts).value}
            for code, label, count in _lines(section.tally)
        ],
        "rates": {
            code: {"numerator": ratio.numerator, "denominator": ratio.denominator, "value": ratio.value}
            for code, _, ratio in _ratios(section, kind)
        },
    }


def _lines(tally: Tally) -> Iterator[tuple[str, str, int]]:
    """Code, label and attempts; together they are all attempts."""
    for code, count in sorted(tally.dispositions.items(), key=lambda item: (-item[1], item[0])):
        yield code, lookup(code).label, count
    if tally.undisposed:
        yield "undisposed", "Agent in wrap-up", tally.undisposed
    if tally.live:
        yield "live", "Not ended", tally.live


def _ratios(section: Section, kind: str) -> Iterator[tuple[str, str, Ratio]]:
    aims = "completes" if kind == Kind.SURVEY else "sales"
    yield "drop-rate", "Drop rate: abandoned / live answers", section.tally.drop_rate
    yield "answer-rate", "Answer rate: answered by a person / dialled", section.tally.answer_rate
    yield "contact-rate", "Contact rate: contacts / dialled", section.tally.contact_rate
    yield "conversion", f"Conversion: {aims} / contacts", section.tally.conversion
    if section.attempts_per_lead is not None:
        yield "attempts-per-lead", "Attempts per lead: attempts / leads tried", section.attempts_per_lead
    if section.penetration is not None:
        yield "list-penetration", "List penetration: leads tried / leads loaded", section.penetration


def _heading(report: DispositionReport) -> Text:
    since = "" if report.start is None else f" from {report.start}"
    before = "" if report.end is None else f" before {report.end}"
    return Text(f"{visible(report.campaign)} ({report.kind}): attempts placed{since}{before}, days of {report.zone}")


def _counts(report: DispositionReport) -> Table:
    table = _grouped_table(report, "Disposition", "Code")
    table.add_column("Attempts", justify="right")
    table.add_column("%", justify="right")
    for section in (*report.groups, report.total):
        attempts = section.tally.attempts
        names = _once(section.name, report)
        for code, label, count in _lines(section.tally):
            table.add_row(*next(names), label, code, f"{count:,}", _percent(Ratio(count, attempts)))
        table.add_row(
            *next(names), "All attempts", "", f"{attempts:,}", _percent(Ratio(attempts, attempts)), style="bold"
        )
        table.add_section()
    return table


def _rates(report: DispositionReport) -> Table:
    table = _grouped_table(report, "Rate")
    table.add_column("Count", justify="right")
    table.add_column("Of", justify="right")
    table.add_column("Value", justify="right")
    for section in (*report.groups, report.total):
        names = _once(section.name, report)
        for code, label, ratio in _ratios(section, report.kind):
            value = _mean(ratio) if code == "attempts-per-lead" else _percent(ratio)
            table.add_row(*next(names), label, f"{ratio.numerator:,}", f"{ratio.denominator:,}", value)
        table.add_section()
    return table


def _grouped_table(report: DispositionReport, *columns: str) -> Table:
    groups = () if report.by is None else (report.by.capitalize(),)
    return Table(*groups, *columns)


def _once(name: str, report: DispositionReport) -> Iterator[tuple[Text, ...]]:
    """The first column of a section's rows: its name, then nothing. Without groups there is no such column."""
    if report.by is None:
        yield from repeat(())
    yield (Text(visible(name)),)
    yield from repeat((Text(),))


def _percent(ratio: Ratio) -> str:
    return UNDEFINED if ratio.value is None else f"{ratio.value:.2%}"


def _mean(ratio: Ratio) -> str:
    return UNDEFINED if ratio.value is None else f"{ratio.value:.2f}"


def _number(ratio: Ratio) -> str:
    return UNDEFINED if ratio.value is None else f"{ratio.value:.6g}"
