"""All rule packs together, and which of their rules reach a call."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from math import inf
from pathlib import Path
from typing import NamedTuple, TypeVar

from compliance.facts import OWN_MEASURE, Measure
from compliance.packs import Pack, RuleError, measure_of, read_pack
from compliance.places import PLACES
from compliance.rule import AbandonmentRule, Callee, ConnectRule, ListRule, RingRule, Rule

AnyRule = TypeVar("AnyRule", bound=Rule)

NOT_PACKS = "records_"  # which facts became which rules: for people and tests


class Reach(NamedTuple):
    """A call as the rules see it."""

    kind: str
    voice: str
    jurisdictions: frozenset[str]
    callees: frozenset[Callee]
    campaign: str = ""
    client: str = ""
    without: frozenset[str] = frozenset()  # customary rules that are switched off


def callees(line_type: str, business: bool) -> frozenset[Callee]:
    """Whom a line may belong to: one of unknown type may be a mobile, and a home's unless it is a business's."""
    return _CALLEES[business, line_type]


_CALLEES: Mapping[tuple[bool, str], frozenset[Callee]] = {
    (False, "landline"): frozenset({"residence"}),
    (False, "voip"): frozenset({"residence"}),
    (False, "mobile"): frozenset({"mobile"}),
    (False, "unknown"): frozenset({"residence", "mobile"}),
    (True, "landline"): frozenset({"business"}),
    (True, "voip"): frozenset({"business"}),
    (True, "mobile"): frozenset({"business", "mobile"}),
    (True, "unknown"): frozenset({"business", "mobile"}),
}
ANYBODY: frozenset[Callee] = frozenset({"residence", "mobile", "business"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a country, its states and our own rules ask of a campaign as a whole: the strictest of each."""

    ceiling: float  # fraction of abandoned calls
    connect_seconds: float
    ring_seconds_minimum: int
    ring_seconds_maximum: int | None
    give_up_seconds: float  # of ringing, after which an unanswered line may be stopped; inf where none may be
    drop_rates: tuple[AbandonmentRule, ...]


@dataclass(frozen=True, eq=False)
class Rulebook:
    """All packs. Equal only to itself, so that what follows from it can be remembered cheaply."""

    packs: tuple[Pack, ...]
    digest: str  # SHA-256 of all texts, by name
    by_id: Mapping[str, Rule]
    measures: tuple[Measure, ...]  # by which any of them counts abandoned calls, and our own

    def reaching(self, reach: Reach) -> tuple[Rule, ...]:
        """The rules that bind such a call on some day, by id."""
        return _reaching(self, reach)

    def on(self, reach: Reach, table: type[AnyRule], day: date) -> tuple[AnyRule, ...]:
        """The rules of one table that bind on a local day, by id."""
        return tuple(rule for rule in _reaching(self, reach) if isinstance(rule, table) and rule.in_force(day))

    def versions(self, jurisdictions: Iterable[str]) -> tuple[str, ...]:
        """The packs of those countries with their dates: "us 2026-11-23"."""
        countries = set(map(country_of, jurisdictions))
        return tuple(f"{p.name.removesuffix('.toml')} {p.version}" for p in self.packs if p.country in countries)

    def states(self, country: str) -> frozenset[str]:
        """The states of a country that have rules of their own."""
        return _states(self, country)

    def knows(self, jurisdiction: str) -> bool:
        """Whether it is a country with a pack, or one of its states as far as calls are told apart by them."""
        return jurisdiction in _known(self)

    def lists(self) -> frozenset[str]:
        """Every do-not-call list of the state that a rule names."""
        return frozenset(rule.list for rule in self.by_id.values() if isinstance(rule, ListRule))

    def limits(
        self, region: str, kind: str, on: date, campaign: str = "", client: str = "", also: Iterable[str] = ()
    ) -> Limits:
        """Of a country and `also` others, states included, for live calls to anybody, with our own rules for the
        campaign and client.

        Raises RuleError where the packs of the law name none for the region: our own rules only add to it.
        """
        law = Reach(kind, "live", self.states(region) | {region}, ANYBODY)
        if not self.on(law, AbandonmentRule, on) or not self.on(law, ConnectRule, on):
            raise RuleError(f"no abandonment rule for {kind} in {region} on {on}: add one to compliance/rules")
        countries = {region, *also}
        places = frozenset(countries).union(*map(self.states, countries))
        reach = Reach(kind, "live", places, ANYBODY, campaign, client)
        drops, connects = self.on(reach, AbandonmentRule, on), self.on(reach, ConnectRule, on)
        rings = self.on(reach, RingRule, on)
        longest = [rule.seconds_maximum for rule in rings if rule.seconds_maximum is not None]
        counted = any(rule.counts_given_up for rule in drops)
        return Limits(
            ceiling=min(rule.ceiling for rule in drops),
            connect_seconds=min(rule.seconds for rule in connects),
            ring_seconds_minimum=max((rule.seconds_minimum or 0 for rule in rings), default=0),
            ring_seconds_maximum=min(longest, default=None),
            give_up_seconds=inf if counted else max(_give_up_seconds(rings, country) for country in countries),
            drop_rates=drops,
        )

    def connect_seconds(self, on: date) -> float:
        """The shortest limit of any country's: one daemon calls them all. Raises RuleError where no pack names one."""
        limits = [rule.seconds for rule in self.by_id.values() if isinstance(rule, ConnectRule) and rule.in_force(on)]
        if not limits:
            raise RuleError(f"no connect rule on {on}: add one to compliance/rules")
        return min(limits)

    def check_without(self, ids: Iterable[str]) -> None:
        """Raises RuleError for an id that is no customary rule: nothing else can be switched off."""
        for name in ids:
            rule = self.by_id.get(name)
            if rule is None:
                raise RuleError(f"no rule {name!r}: list them with: dialer compliance rules")
            if rule.basis != "custom":
                raise RuleError(f"rule {name}: basis {rule.basis}: only a customary rule can be switched off")


def _give_up_seconds(rings: Iterable[RingRule], country: str) -> float:
    """Where no law names the least, all ring to their end."""
    there = (rule for rule in rings if rule.jurisdiction == "*" or country_of(rule.jurisdiction) == country)
    return max((rule.seconds_minimum for rule in there if rule.seconds_minimum), default=inf)


def country_of(jurisdiction: str) -> str:
    """US of US-FL."""
    return jurisdiction.partition("-")[0]


def make_rulebook(packs: Iterable[Pack]) -> Rulebook:
    """Raises RuleError when two packs are of one country or two rules have one id."""
    packs = tuple(sorted(packs, key=lambda pack: (not pack.country, pack.name)))  # ours last: theirs is the fault
    countries = [pack.country for pack in packs if pack.country]
    by_id: dict[str, Rule] = {}
    for pack in packs:
        if countries.count(pack.country) > 1:
            raise RuleError(f"{pack.name}: country: {pack.country} has another pack: a country has one")
        for rule in pack.rules:
            if rule.id in by_id:
                raise RuleError(f"{pack.name}: rule {rule.id}: id: given twice")
            by_id[rule.id] = rule
    texts = "".join(f"{pack.name}\0{pack.text}\0" for pack in packs)
    measures = {measure_of(rule) for rule in by_id.values() if isinstance(rule, AbandonmentRule)}
    digest = hashlib.sha256(texts.encode()).hexdigest()
    return Rulebook(packs, digest, by_id, tuple(sorted({OWN_MEASURE, *measures})))


def load(own: str = "") -> Rulebook:
    """The packs that come with the package, and our own stricter ones from a directory. Raises RuleError."""
    files = [
        (file.name, file.read_text(encoding="utf-8"))
        for file in (resources.files("compliance") / "rules").iterdir()
        if file.name.endswith(".toml") and not file.name.startswith(NOT_PACKS)
    ]
    packs = [read_pack(name, text) for name, text in files]
    if own:
        packs += [_own_pack(file) for file in _files_in(own)]
    return make_rulebook(packs)


def _files_in(own: str) -> list[Path]:
    if not Path(own).is_dir():
        raise RuleError(f"{own}: no such directory: correct rules_directory")
    return sorted(Path(own).glob("*.toml"))


def _own_pack(file: Path) -> Pack:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{file}: cannot be read: {error}") from None
    pack = read_pack(str(file), text)
    if pack.country:
        raise RuleError(f"{file}: country: rules of our own are for one campaign or client: write campaign or client")
    return pack


@lru_cache(maxsize=1024)
def _states(rulebook: Rulebook, country: str) -> frozenset[str]:
    places = {rule.jurisdiction for rule in rulebook.by_id.values()}
    return frozenset(place for place in places if place.startswith(country + "-"))


@lru_cache(maxsize=16)
def _known(rulebook: Rulebook) -> frozenset[str]:
    of_rules = {rule.jurisdiction for rule in rulebook.by_id.values()}
    countries = {country_of(place) for place in of_rules}
    states = {place.jurisdiction for place in PLACES.values() if country_of(place.jurisdiction) in countries}
    return frozenset(of_rules | countries | states) - {"*"}


@lru_cache(maxsize=65_536)
def _reaching(rulebook: Rulebook, reach: Reach) -> tuple[Rule, ...]:
    found = (
        rule
        for pack in rulebook.packs
        if pack.reaches(reach.campaign, reach.client)
        for rule in pack.rules
        if _is_there(rule, reach.jurisdictions)
        and reach.kind in rule.scope
        and reach.voice in rule.voice
        and reach.callees & rule.protects
        and rule.id not in reach.without
    )
    return tuple(sorted(found, key=lambda rule: rule.id))


def _is_there(rule: Rule, jurisdictions: frozenset[str]) -> bool:
    """A country's rule binds its states; one of our own may bind everywhere."""
    return (
        rule.jurisdiction == "*"
        or rule.jurisdiction in jurisdictions
        or any(place.startswith(rule.jurisdiction + "-") for place in jurisdictions)
    )
