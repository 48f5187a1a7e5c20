"""Messages without agents: so many at once, no more."""

from collections.abc import Mapping

from dialer.pacing.events import (
    Abandoned,
    CallEnded,
    Connected,
    Dialled,
    Event,
    Failed,
    Human,
    Machine,
    PickedUp,
)
from dialer.pacing.policy import Decision, Floor, ForeignState, Saved
from dialer.pacing.progressive import NOBODY_NEW, closed

LONGEST_SECONDS = 600.0  # from the dial to the end of the message; the end of a longer call was not told
BACKWARDS_SECONDS = 0.5  # that a clock may be set back without notice
FORMAT = "agentless-1"  # of the saved state


class Agentless:
    """Keeps lines in flight and messages playing, together, at a target. An answered call is no longer in flight.

    Needs no agents and abandons nobody: every answer hears the message at once.
    Raises ValueError for a target below 1.
    """

    def __init__(self, target: int) -> None:
        if target < 1:
            raise ValueError(f"target {target}: give at least 1 message at a time")
        self._target = target
        self._open: dict[str, float] = {}  # calls told of and not ended -> since
        self._playing: set[str] = set()
        self._now = float("-inf")

    def observe(self, event: Event) -> None:
        match event:
            case Dialled(call, at):
                self._open.setdefault(call, at)
            case PickedUp(call, at) | Human(call, at) | Connected(call, at=at):
                self._open.setdefault(call, at)
                self._playing.add(call)
            case Machine(call) | Failed(call) | CallEnded(call) | Abandoned(call):
                self._open.pop(call, None)
                self._playing.discard(call)
            case _:
                pass

    def decide(self, now: float, floor: Floor) -> Decision:
        self._forget_overdue(now)
        if closed(floor):
            return NOBODY_NEW
        playing = len(self._playing)
        under_way = max(floor.in_flight + playing, len(self._open))  # an answer that was not told plays all the same
        dial = max(0, min(self._target - under_way, floor.max_dials))
        limit = ", as many as may start now" if dial == floor.max_dials else ""
        counts = f"{playing} playing, {floor.in_flight} in flight"
        return Decision(dial, reserve=False, reason=f"{self._target} messages at a time: {counts}: dial {dial}{limit}")

    def _forget_overdue(self, now: float) -> None:
        if now < self._now - BACKWARDS_SECONDS:  # by another clock: as if all had begun now
            self._open = dict.fromkeys(self._open, now)
        self._now = now
        for call in [call for call, since in self._open.items() if now - since > LONGEST_SECONDS]:
            del self._open[call]
            self._playing.discard(call)

    def state(self) -> Saved:
        """The calls under way: after a restart they still count."""
        ringing = [call for call in self._open if call not in self._playing]
        return {"format": FORMAT, "ringing": ringing, "playing": [call for call in self._open if call in self._playing]}

    @classmethod
    def restored(cls, state: Saved, target: int, now: float) -> "Agentless":
        """Goes on from a saved state, as if its calls had begun now. Raises ForeignState."""
        if not isinstance(state, Mapping) or state.get("format") != FORMAT:
            raise ForeignState(f"pacing state is not {FORMAT}: {str(state)[:60]}")
        policy = cls(target)
        for name in ("ringing", "playing"):
            calls = state.get(name)
            if not isinstance(calls, list) or not all(isinstance(call, str) for call in calls):
                raise ForeignState(f"pacing state is damaged, {name}: {str(calls)[:60]}")
            policy._open.update(dict.fromkeys(calls, now))
        policy._playing = set(state["playing"])
        return policy
