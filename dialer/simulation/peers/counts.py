"""What dialers without a forecast look at: who talks since when, how many are there, how many callers wait."""

from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    AgentGone,
    CallEnded,
    Connected,
    Dialled,
    Event,
    Failed,
    Human,
    Machine,
    PickedUp,
)


class Counts:
    """A call is ringing, then waiting once it asked for an agent, then gone from here once an agent has it."""

    def __init__(self) -> None:
        self.talking: dict[str, float] = {}  # agent -> since
        self.present: set[str] = set()  # agents neither paused nor logged out
        self.waiting: set[str] = set()
        self.ringing: dict[str, float] = {}  # call -> dialled at; machine detection included

    def observe(self, event: Event) -> None:
        match event:
            case Dialled(call, at):
                self.ringing[call] = at
            case Human() if self.rings(event):
                del self.ringing[event.call]
                self.waiting.add(event.call)
            case Connected(call, agent, at):
                self._left(call)
                self.talking[agent] = at
            case Abandoned(call) | Failed(call) | Machine(call):
                self._left(call)
            case CallEnded(agent=agent):
                self.talking.pop(agent, None)
            case AgentFree(agent):
                self.talking.pop(agent, None)
                self.present.add(agent)
            case AgentGone(agent):
                self.talking.pop(agent, None)
                self.present.discard(agent)
            case PickedUp() | Human():
                pass

    def rings(self, event: Human | Machine | Failed) -> bool:
        """Whether it says what came of a dial; with detection beside the call a verdict comes after that."""
        return event.call in self.ringing

    def _left(self, call: str) -> None:
        self.ringing.pop(call, None)
        self.waiting.discard(call)
