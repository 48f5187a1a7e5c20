"""Agents see a lead before it is dialled, and dial it themselves."""

from dialer.pacing.events import Event
from dialer.pacing.policy import Decision, Floor, Saved
from dialer.pacing.progressive import closed


class Preview:
    """Never dials; says how many leads to show. A lead that is shown counts as in flight, like the line it becomes."""

    def observe(self, event: Event) -> None:
        pass

    def decide(self, now: float, floor: Floor) -> Decision:
        show = leads_to_show(floor)
        counts = f"{floor.free_agents} free, {floor.in_flight} with a lead or its line"
        return Decision(0, reserve=True, reason=f"agents dial themselves: {counts}: show {show}")

    def state(self) -> Saved:
        return {"format": "preview-1"}


def leads_to_show(floor: Floor) -> int:
    """One for each free agent who has none, as far as there are leads that may be dialled and time to dial them."""
    return 0 if closed(floor) else max(0, min(floor.free_agents - floor.in_flight, floor.max_dials))
