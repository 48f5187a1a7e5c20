"""What must hold after a run: the carrier's account against our tables. Pure; times are the carrier's, in ISO 8601."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from dialer.demonstration.audit import CONNECT_SECONDS, OPT_OUT_KEY, WORDS
from dialer.events import MACHINES
from tests.faultlab.journal import VANISHED, attempt_of

Row = Mapping[str, Any]

MEASURED_SECONDS = 0.5  # by which the carrier's and our own time from answer to agent may differ
FORGOTTEN = timedelta(seconds=60)  # a call that ended so long before the emulator died may never have been looked up


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which the carrier could not reach a living daemon: from the fault until webhooks are answered again."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is judged. `calls` are the carrier's (`journal.Account`), the rest are rows of our tables."""

    calls: Sequence[Row]
    attempts: Sequence[Row]
    leads: Sequence[Row]
    agents: Sequence[Row]
    call_counts: Sequence[Row]
    decisions: Sequence[Row]
    do_not_call: frozenset[str]
    unreachable: Sequence[Window]
    emulator_killed: Sequence[datetime]
    claims: Sequence[Row] = ()  # of several nodes, as `witness` noted them
    takings: Sequence[Row] = ()  # of leases
    still: Mapping[str, Sequence[Window]] = field(default_factory=dict)  # by node: when it was stopped
    requests_cut: Sequence[Window] = ()  # when what a node had sent may have come late


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: how many cases it was held against, and those that broke it. `excused` fell into an outage."""

    name: str
    cases: int
    violations: tuple[str, ...]
    excused: int = 0


def judge(seen: Evidence) -> list[Finding]:
    """Every invariant once, in the order of the scoreboard."""
    customers = [call for call in seen.calls if call["leg"] == "customer"]
    people = [call for call in customers if call["callee"] == "human" and call["answered"]]
    silent, excused = _apart([call for call in people if _in_silence(call)], seen.unreachable)
    wordless, unanswerable = _apart([call for call in people if _without_a_word(call, seen)], seen.unreachable)
    after, before_outage = _after_opt_out(customers, seen)
    return [
        Finding("dialled twice", len(customers), tuple(_dialled_twice(customers))),
        Finding("unaccounted", len(customers), tuple(_unaccounted(customers, seen))),
        Finding("attempt open", len(seen.attempts), _ids(seen.attempts, lambda row: row["state"] != "ended")),
        Finding("lead stuck", len(seen.leads), _ids(seen.leads, lambda row: row["standing"] == "dialling")),
        Finding("agent stuck", len(seen.agents), tuple(_agents_stuck(seen.agents))),
        Finding("in silence", len(people), tuple(call["sid"] for call in silent), len(excused)),
        Finding("without a word", len(people), tuple(call["sid"] for call in wordless), len(unanswerable)),
        Finding("after opt-out", _opted_out(customers), after, before_outage),
        Finding("talk cut", len(people), tuple(_talks_cut(people, seen))),
        Finding("line left open", len(seen.calls), tuple(_left_open(seen))),
        Finding("drop count", len(seen.call_counts), tuple(_miscounted(seen))),
        Finding("abandoned", len(people), tuple(_abandoned_otherwise(people, seen))),
        Finding("undecided", len(seen.attempts), tuple(_undecided(seen))),
        Finding("another's", len(seen.claims), tuple(_of_anothers_campaign(customers, seen))),
    ]


def together(away: Sequence[Sequence[Window]]) -> list[Window]:
    """When all were away at once; `away` has the times of each."""
    first, *rest = away
    common = list(first)
    for other in rest:
        pairs = [(max(one.begins, two.begins), min(one.ends, two.ends)) for one in common for two in other]
        common = [Window(begins, ends) for begins, ends in pairs if begins < ends]
    return common


def _ids(rows: Sequence[Row], wrong: Any) -> tuple[str, ...]:
    return tuple(str(row["id"]) for row in rows if wrong(row))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _apart(calls: Sequence[Row], windows: Sequence[Window]) -> tuple[list[Row], list[Row]]:
    """Calls outside every window, and those that fell into one."""
    inside = [call for call in calls if _touched(call, windows)]
    return [call for call in calls if call not in inside], inside


def _touched(call: Row, windows: Sequence[Window]) -> bool:
    begins, ends = _moment(call["answered"]), call["ended"] and _moment(call["ended"])
    return any((ends is None or window.begins <= ends) and begins <= window.ends for window in windows)


def _dialled_twice(calls: Sequence[Row]) -> Iterator[str]:
    for attempt, count in Counter(attempt_of(call) for call in calls).items():
        if count > 1:
            yield f"{count} calls for attempt {attempt}"
    by_number = defaultdict(list)
    for call in sorted(calls, key=lambda call: str(call["created"])):
        by_number[call["to"]].append(call)
    for same in by_number.values():
        for first, second in pairwise(same):
            if first["ended"] is None or second["created"] < first["ended"]:
                yield f"{second['sid']} while {first['sid']} went on"


def _unaccounted(calls: Sequence[Row], seen: Evidence) -> Iterator[str]:
    attempts = {attempt["id"]: attempt for attempt in seen.attempts}
    for call in calls:
        attempt = attempts.get(attempt_of(call))
        if attempt is None:
            yield f"{call['sid']}: no attempt"
        elif attempt["number"] != call["to"]:
            yield f"{call['sid']}: to another number than attempt {attempt['id']}"
        elif attempt["call_sid"] != call["sid"] and not _may_be_lost(call, seen):
            yield f"{call['sid']}: attempt {attempt['id']} has {attempt['call_sid']}, {attempt['outcome']}"
        elif not _agree(call, attempt, seen):
            yield f"{call['sid']}: {call['outcome']} at the carrier, {attempt['outcome']} here"
    sids = {call["sid"] for call in calls}
    yield from (
        f"{row['call_sid']}: unknown to the carrier" for row in seen.attempts if row["call_sid"] not in {None, *sids}
    )


def _agree(call: Row, attempt: Row, seen: Evidence) -> bool:
    if attempt["outcome"] == "lost":
        return _may_be_lost(call, seen)
    return call["outcome"] == VANISHED or attempt["outcome"] in WORDS.get(call["outcome"], ())


def _may_be_lost(call: Row, seen: Evidence) -> bool:
    """The carrier has forgotten the call, so nobody can tell us of it any more."""
    if call["ended"] is None:
        return False
    ended = _moment(call["ended"])
    return any(ended <= killed <= ended + FORGOTTEN for killed in seen.emulator_killed)


def _agents_stuck(agents: Sequence[Row]) -> Iterator[str]:
    for agent in agents:
        if agent["state"] in ("on-call", "wrap-up", "joining"):
            yield f"{agent['name']}: {agent['state']} ({agent['reason'] or 'no reason'})"


def _in_silence(call: Row) -> bool:
    """Nobody and nothing to hear for longer than allowed, from the answer on or in the middle of the call."""
    heard = [seconds for seconds in (call["seconds_to_agent"], call["seconds_to_message"]) if seconds is not None]
    lasted = (_moment(call["ended"]) - _moment(call["answered"])).total_seconds() if call["ended"] else CONNECT_SECONDS
    return max(min(heard, default=lasted), call["longest_silence_seconds"]) > CONNECT_SECONDS


def _without_a_word(call: Row, seen: Evidence) -> bool:
    """Hung up on by our documents, or for want of any: who picks up hears at least who called."""
    heard = call["seconds_to_agent"] is not None or call["seconds_to_message"] is not None
    by_machine = {row["id"] for row in seen.attempts if row["answered_by"] in MACHINES}
    return call["ended_by"] == "document" and not heard and attempt_of(call) not in by_machine


def _opted_out(calls: Sequence[Row]) -> int:
    return sum(OPT_OUT_KEY in call["keys"] for call in calls)


def _after_opt_out(calls: Sequence[Row], seen: Evidence) -> tuple[tuple[str, ...], int]:
    """Opt-outs that were not kept, or dialled all the same; and how many were pressed when nobody could hear it."""
    pressed = [call for call in calls if OPT_OUT_KEY in call["keys"]]
    heard, unheard = _apart(pressed, seen.unreachable)
    broken = []
    for call in heard:
        if call["to"] not in seen.do_not_call:
            broken.append(f"{call['sid']}: opt-out of {call['to']} not kept")
        later = [other["sid"] for other in calls if other["to"] == call["to"] and other["created"] > call["ended"]]
        broken.extend(f"{sid}: dialled after the opt-out in {call['sid']}" for sid in later)
    return tuple(broken), len(unheard)


def _talks_cut(people: Sequence[Row], seen: Evidence) -> Iterator[str]:
    """A person who talked to an agent and was hung up on by our order, though no machine was made out: by a restart."""
    by_machine = {row["id"] for row in seen.attempts if row["answered_by"] in MACHINES}
    for call in people:
        talked = call["seconds_to_agent"] is not None and call["seconds_to_message"] is None
        if talked and call["ended_by"] == "api" and attempt_of(call) not in by_machine:
            yield f"{call['sid']}: hung up on while talking"


def _left_open(seen: Evidence) -> Iterator[str]:
    """A called party that nobody hangs up, or an agent's leg that no agent has."""
    seats = {agent["seat_sid"] for agent in seen.agents}
    for call in seen.calls:
        if call["ended"] is None and (call["leg"] == "customer" or call["sid"] not in seats):
            yield f"{call['sid']}: {call['leg']}'s line still open"


def _miscounted(seen: Evidence) -> Iterator[str]:
    """The hourly counts of the drop rate against the attempts themselves."""
    for name, counted in (("abandoned", lambda row: row["abandoned"]), ("placed", lambda row: row["call_sid"])):
        kept, found = Counter[int](), Counter[int]()
        for row in seen.call_counts:
            kept[row["campaign_id"]] += row[name]
        for row in seen.attempts:
            found[row["campaign_id"]] += bool(counted(row))
        for campaign in sorted(kept.keys() | found.keys()):
            if kept[campaign] != found[campaign]:
                yield f"campaign {campaign}: {kept[campaign]} {name} counted, {found[campaign]} attempts say so"


def _abandoned_otherwise(people: Iterable[Row], seen: Evidence) -> Iterator[str]:
    """By the carrier's watch: who met an agent in time is not abandoned, who did not is, and hears the message."""
    attempts = {attempt["id"]: attempt for attempt in seen.attempts}
    for call in people:
        attempt = attempts.get(attempt_of(call))
        if attempt is None or call["outcome"] in (None, VANISHED) or attempt["outcome"] == "lost":
            continue
        if attempt["answered_by"] in MACHINES or _touched(call, seen.unreachable):
            continue
        waited, lasted = call["seconds_to_agent"], _moment(call["ended"]) - _moment(call["answered"])
        if waited is not None and waited < CONNECT_SECONDS - MEASURED_SECONDS:
            if attempt["abandoned"] and call["seconds_to_message"] is None:
                yield f"{call['sid']}: met an agent after {waited:.2f} s, yet counted as abandoned"
        elif waited is None and lasted > timedelta(seconds=CONNECT_SECONDS):
            if not attempt["abandoned"]:
                yield f"{call['sid']}: met nobody, yet not counted as abandoned"
            elif not call["heard_message"]:
                yield f"{call['sid']}: abandoned, and never heard who called"


def _undecided(seen: Evidence) -> Iterator[str]:
    """No clearance, no call: every attempt has its row in the ledger, of the very number."""
    cleared = {row["attempt_id"]: row["number"] for row in seen.decisions if row["verdict"] == "cleared"}
    for attempt in seen.attempts:
        if cleared.get(attempt["id"]) != attempt["number"]:
            yield f"attempt {attempt['id']}: no clearance of its number in the ledger"


def _of_anothers_campaign(calls: Sequence[Row], seen: Evidence) -> Iterator[str]:
    """A node dials for a campaign only while it is its own: neither claims for it, nor sends what it claimed before it
    was stopped, once another has taken the campaign.
    """
    created = {attempt_of(call): _moment(call["created"]) for call in calls}
    for claim in seen.claims:
        attempt, node = claim["attempt"], claim["node"]
        if claim["holder"] != node:
            yield f"attempt {attempt}: claimed by {node}, while {claim['holder'] or 'nobody'} had {claim['lease']}"
        sent = created.get(attempt)
        for stopped in seen.still.get(node, ()):
            if sent is None or not claim["at"] < stopped.ends < sent:
                continue
            delayed = any(cut.begins < sent and claim["at"] < cut.ends for cut in seen.requests_cut)
            if not delayed and _taken_by_another(claim, stopped.ends, seen):
                yield f"attempt {attempt}: sent by {node} on waking, when {claim['lease']} was another's"


def _taken_by_another(claim: Row, until: datetime, seen: Evidence) -> bool:
    others = (taking for taking in seen.takings if taking["node"] not in ("", claim["node"]))
    return any(one["lease"] == claim["lease"] and claim["at"] < one["at"] < until for one in others)
