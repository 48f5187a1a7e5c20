"""Which leads a campaign dials next, and where: what was learned of them, how far the search is, which calls run."""

from collections.abc import Mapping, Sequence

from campaigns.lead import Priority
from campaigns.search import Look, Offer, Place, choose
from campaigns.turns import Turn
from compliance.gate import Reason
from compliance.rulebook import country_of
from dialer.pacing.events import Abandoned, Connected, Disposed, Event, Failed, Human, Machine
from dialer.pacing.leads import LeadChances

DISPOSED_WITHIN = 900.0  # seconds: of whom nothing was said by then was a person
CALLED_LATELY = 900.0  # seconds since the last offer of a lead there; none of the lines rings any more
RUNNING = 20_000  # calls at most: the end of some is never told


class Choice:
    """Every event once, in the order of time; at most one look at a time."""

    def __init__(self, known: LeadChances) -> None:
        self.known = known
        self.places: Mapping[Priority, Place] = {}
        self._offered = 0
        self._running: dict[str, tuple[str, ...]] = {}  # traits by call
        self._asked: dict[str, tuple[float, tuple[str, ...]]] = {}  # since when an agent is wanted
        self._called_at: dict[str, float] = {}  # by country

    def offers(self, look: Look, wanted: int) -> list[Offer]:
        """Up to so many, in the order of their turns."""
        offers = choose(look, wanted, self.known, self._offered)
        self._offered += sum(offer.turn is not Turn.CALLBACK for offer in offers)
        self.places = look.places
        return offers

    def put_back(self, offers: Sequence[Offer]) -> None:
        """The last of those that were offered: nobody came to them, so they have not had their turns."""
        self._offered -= sum(offer.turn is not Turn.CALLBACK for offer in offers)

    def calling(self, look: Look, offers: Sequence[Offer], now: float) -> None:
        """Offers may be where the campaign has not called yet, and so may those that only a drop rate there refuses."""
        places = [offer.cleared.jurisdictions for offer in offers]
        refused = (refusal.blocked for refusal in look.refusals)
        places += [blocked.jurisdictions for blocked in refused if blocked.reason is Reason.DROP_RATE]
        self._called_at |= {country_of(place): now for some in places for place in some}

    def countries(self, now: float) -> frozenset[str]:
        """That it calls: the law of each of them binds its pacing."""
        return frozenset(country for country, at in self._called_at.items() if now - at < CALLED_LATELY)

    def dialled(self, call: str, offer: Offer) -> float:
        """The chance over the usual one."""
        self._running[call] = offer.traits
        if len(self._running) > RUNNING:
            del self._running[next(iter(self._running))]
        return offer.chance / self.known.usual

    def forget(self, call: str) -> None:
        """The carrier did not take it: nothing is learned of the lead."""
        self._running.pop(call, None)

    def observe(self, event: Event) -> None:
        match event:
            case Human(call, at) | Connected(call, _, at) | Abandoned(call, at):
                if call in self._running:
                    self._asked[call] = at, self._running.pop(call)
                self._settle(at)
            case Failed(call) | Machine(call):
                self._learn(call, False)
            case Disposed(call, live):
                self._learn(call, live)

    def _settle(self, now: float) -> None:
        for call, (since, _traits) in list(self._asked.items()):
            if now - since < DISPOSED_WITHIN:
                break
            self._learn(call, True)

    def _learn(self, call: str, answered: bool) -> None:
        asked = self._asked.pop(call, None)
        traits = asked[1] if asked else self._running.pop(call, None)
        if traits is not None:
            self.known.learn(traits, answered)
