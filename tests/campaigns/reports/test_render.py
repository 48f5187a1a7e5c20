import csv
import io
import json
from datetime import date

import pytest
from rich.console import Console

from campaigns.reports.dispositions import By, DispositionReport, Section
from campaigns.reports.render import as_csv, as_json, as_table
from campaigns.reports.tally import Cell, tally


def counted(**attempts):
    cells = [
        Cell(key=None, live=False, disposition=code, answered=True, abandoned=code == "abandoned", attempts=count)
        for code, count in attempts.items()
    ]
    return tally(cells)


def report(*groups, by=None, total=None, kind="telemarketing"):
    return DispositionReport(
        campaign="Autumn",
        kind=kind,
        zone="America/New_York",
        start=date(2026, 11, 1),
        end=date(2026, 11, 8),
        by=by,
        groups=groups,
        total=total or Section("(total)", counted(sale=1, abandoned=1, busy=2), leads_tried=2, leads_loaded=8),
    )


EMPTY = report(total=Section("(total)", tally([]), leads_tried=0, leads_loaded=0))


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def shown(report):
    console = Console(file=io.StringIO(), width=120)
    console.print(as_table(report))
    return console.file.getvalue()


def test_csv_counts_with_fractions_of_all_attempts():
    counts = {row["code"]: (row["count"], row["of"], row["value"]) for row in rows_of(as_csv(report()))}
    assert counts["busy"] == ("2", "4", "0.5")
    assert counts["attempts"] == ("4", "4", "1")
    assert counts["drop-rate"] == ("1", "2", "0.5")
    assert counts["attempts-per-lead"] == ("4", "2", "2")
    assert counts["list-penetration"] == ("2", "8", "0.25")


def test_csv_dispositions_add_up_to_the_attempts():
    rows = rows_of(as_csv(report(Section("2026-11-01", counted(sale=3, machine=4)), by=By.DAY)))
    for group in ("2026-11-01", "(total)"):
        of_group = [row for row in rows if row["group"] == group]
        (total,) = [row for row in of_group if row["entry"] == "total"]
        assert sum(int(row["count"]) for row in of_group if row["entry"] == "disposition") == int(total["count"])


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@sum", "\tx", "\rx"])
def test_csv_makes_text_from_outside_harmless_to_a_spreadsheet(name):
    rows = rows_of(as_csv(report(Section(name, counted(sale=1)), by=By.AGENT)))
    assert rows[0]["group"] == f"'{name}"


def test_csv_leaves_harmless_text_alone():
    assert (
        rows_of(as_csv(report(Section('Anna "B", O\'N', counted(sale=1)), by=By.AGENT)))[0]["group"] == 'Anna "B", O\'N'
    )


def test_undefined_rates_are_never_zero():
    assert {row["value"] for row in rows_of(as_csv(EMPTY))} == {"n/a"}
    assert {rate["value"] for rate in as_json(EMPTY)["total"]["rates"].values()} == {None}
    assert "n/a" in shown(EMPTY)
    assert "0.00%" not in shown(EMPTY)


def test_json_survives_the_way_through_text():
    whole = as_json(report(Section("2026-11-01", counted(sale=1)), by=By.DAY))
    assert json.loads(json.dumps(whole)) == whole
    assert (whole["from"], whole["to"], whole["by"]) == ("2026-11-01", "2026-11-08", "day")
    assert whole["total"]["attempts"] == 4
    assert whole["total"]["dispositions"][0] == {"code": "busy", "label": "Busy", "attempts": 2, "share": 0.5}
    assert whole["total"]["rates"]["drop-rate"] == {"numerator": 1, "denominator": 2, "value": 0.5}
    assert [group["name"] for group in whole["groups"]] == ["2026-11-01"]
    assert "list-penetration" not in whole["groups"][0]["rates"]


def test_live_and_undisposed_attempts_have_lines_of_their_own():
    cells = [
        Cell(key=None, live=True, disposition=None, answered=False, abandoned=False, attempts=3),
        Cell(key=None, live=False, disposition=None, answered=True, abandoned=False, attempts=2),
    ]
    lines = as_json(report(total=Section("(total)", tally(cells))))["total"]["dispositions"]
    assert [(line["code"], line["attempts"]) for line in lines] == [("undisposed", 2), ("live", 3)]


def test_the_table_shows_counts_and_percentages():
    text = shown(report(Section("Anna [bold]", counted(sale=1)), by=By.AGENT))
    assert "Autumn (telemarketing): attempts placed from 2026-11-01 before 2026-11-08, days of America/New_York" in text
    assert "Anna [bold]" in text, "names are not markup"
    assert "50.00%" in text
    assert "All attempts" in text
    assert "Drop rate" in text


def test_a_group_is_named_once():
    text = shown(report(Section("Anna", counted(sale=1, busy=1, fax=1)), by=By.AGENT))
    assert text.count("Anna") == 2  # in the counts and in the rates


def test_a_survey_speaks_of_completes():
    text = shown(report(total=Section("(total)", counted(complete=1, refusal=1)), kind="survey"))
    assert "completes / contacts" in text
    assert "sales" not in text
