"""The lab's results as text: a line for each seed, one for all, and what each violation was. Pure."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tests.faultlab.play import Result

HEAD = ("seed", "attempts", "calls", "faults")


def lines(results: Sequence[Result]) -> Iterator[str]:
    """Violations of each invariant; after a `+`, cases that fell into an outage and are excused."""
    names = [finding.name for finding in results[0].findings]
    yield "  ".join([*(f"{name:>8}" for name in HEAD), *names, "seconds"])
    for result in results:
        yield _line(str(result.seed), [result], names)
    yield _line("all", results, names)
    struck = sum((result.faults for result in results), Counter[str]())
    nodes = "one node" if results[0].nodes == 1 else f"{results[0].nodes} nodes on one PostgreSQL"
    yield f"faults of {nodes}: " + ", ".join(f"{name} {count}" for name, count in sorted(struck.items()))
    for result in results:
        for finding in result.findings:
            for violation in finding.violations:
                yield f"seed {result.seed}: {finding.name}: {violation}"


def text(results: Sequence[Result]) -> str:
    """The same as JSON."""
    return json.dumps([{**asdict(result), "faults": result.faults} for result in results])  # asdict spoils a Counter


def violations(results: Sequence[Result]) -> int:
    return sum(len(finding.violations) for result in results for finding in result.findings)


def _line(title: str, results: Sequence[Result], names: Sequence[str]) -> str:
    findings = [finding for result in results for finding in result.findings]
    cells = [title, *(sum(figures) for figures in zip(*(_figures(result) for result in results), strict=True))]
    text = [f"{cell:>8}" for cell in cells]
    for name in names:
        found = [finding for finding in findings if finding.name == name]
        broken, excused = sum(len(each.violations) for each in found), sum(each.excused for each in found)
        text.append(f"{broken}{f'+{excused}' if excused else ''}".rjust(len(name)))
    return "  ".join([*text, f"{sum(result.seconds for result in results):7.1f}"])


def _figures(result: Result) -> tuple[int, int, int]:
    return result.attempts, result.calls, result.faults.total()
