"""So many lines for each agent: steady, and blind to who answers when. The budget alone holds it back."""

from dialer.pacing.events import AgentFree, AgentGone, CallEnded, Connected, Event
from dialer.pacing.policy import Decision, Floor, Saved
from dialer.pacing.progressive import NOBODY_NEW, closed, one_to_one

LOWEST, HIGHEST = 1.0, 10.0  # lines for each agent
LONGEST_TALK_SECONDS = 3600.0  # the end of one that seems to last longer was not told
BACKWARDS_SECONDS = 0.5  # that a clock may be set back without notice
EXACT = 1e-9  # 1.15 x 20 is a hair less than 23


class Ratio:
    """The lines of agents ready or talking, a talk being one of them; agents in wrap-up or paused have none.

    Lines beyond the free agents are at most as many as calls may still be abandoned: were all answered at once, the
    budgets would hold. So a high ratio spends a budget slowly and is not thrown back to one to one for long. Where a
    budget allows fewer than one, or there is none, it is one to one with reserved agents.
    Raises ValueError for a ratio outside 1 to 10.
    """

    def __init__(self, lines_per_agent: float) -> None:
        if not LOWEST <= lines_per_agent <= HIGHEST:
            raise ValueError(f"ratio {lines_per_agent:g}: give {LOWEST:g} to {HIGHEST:g} lines for each agent")
        self._ratio = lines_per_agent
        self._talking: dict[str, float] = {}  # agent -> since
        self._ended: dict[str, float] = {}  # agent -> when last; a talk told later had begun before
        self._now = float("-inf")

    def observe(self, event: Event) -> None:
        match event:
            case Connected(agent=agent, at=at) if at >= self._ended.get(agent, at):
                self._talking[agent] = at
            case CallEnded(agent=agent, at=at) | AgentFree(agent, at) | AgentGone(agent, at):
                self._talking.pop(agent, None)
                self._ended[agent] = at
            case _:
                pass

    def decide(self, now: float, floor: Floor) -> Decision:
        talking = self._talks(now)
        if floor.busy_agents is not None:  # the end of a talk may not have been told
            talking = min(talking, floor.busy_agents)
        if closed(floor):
            return NOBODY_NEW
        left = min((budget.allowance for budget in floor.budgets), default=0.0)
        if left < 1.0:
            return one_to_one(floor, f"one to one until the drop-rate budget has room, {left:.1f} abandoned calls left")
        agents = floor.free_agents + talking
        missing = int(self._ratio * agents + EXACT) - talking - floor.in_flight
        allowed = floor.free_agents + int(left) - floor.in_flight
        dial = max(0, min(missing, allowed, floor.max_dials))
        limit = ", more could be abandoned than may be" if dial == allowed < min(missing, floor.max_dials) else ""
        reason = (
            f"{self._ratio:g} lines for each agent: {floor.free_agents} free, {talking} talking, "
            f"{floor.in_flight} in flight, {left:.1f} abandoned calls left: dial {dial}{limit}"
        )
        return Decision(dial, reserve=False, reason=reason)

    def _talks(self, now: float) -> int:
        """Agents who talk. One too many would dial too much, so what is doubtful does not count."""
        if now < self._now - BACKWARDS_SECONDS:  # ages by two clocks say nothing
            self._talking.clear()
            self._ended.clear()
        self._now = now
        overdue = [agent for agent, since in self._talking.items() if now - since > LONGEST_TALK_SECONDS]
        for agent in overdue:
            del self._talking[agent]
        return len(self._talking)

    def state(self) -> Saved:
        """Nothing is learned: after a restart the talks under way do not count."""
        return {"format": "ratio-1"}
