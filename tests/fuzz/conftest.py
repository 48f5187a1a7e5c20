"""Fuzzing: short in `make unit`, as long as wanted with `make fuzz`. Text here is as hostile as its kind allows."""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

fuzzed = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

HOSTILE = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "''+1"),
    *("[red]x[/red]", "[/x]", "[link=x]", "\\[bold]", ":smile:"),
    *("<script>alert(1)</script>", "&amp;", "]]>", '"><img src=x>', "{{7*7}}", "%s%n", "${x}"),
    *("\x1b[2J", "\x1b]0;t\x07", "\x9b31m", "\x00", "\x07\x08", "\u202ekcab", "\u2028", "\u2066", "\ufeff"),
    *("'; DROP TABLE lead; --", '" OR 1=1', "$(reboot)", "`reboot`", "; reboot", "| reboot", "../../etc/passwd"),
    *("a\nlevel=error forged", "a\r\nX-Header: forged", "x" * 10_000, "nan", "1e999", "9" * 400),
)
hostile = st.one_of(st.sampled_from(HOSTILE), st.text(), st.tuples(st.sampled_from(HOSTILE), st.text()).map("".join))
