"""The agents: when each will be free, by how long they have talked or wrapped up. Learned from the calls before."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dialer.pacing.grid import SECONDS, STEPS, Array, following, shifted, staying, when_within
from dialer.pacing.hazard import ANOTHER, Hazard, count, numbers
from dialer.pacing.standstill import Standstill

AGES = (*(float(age) for age in range(13)), *(13 * 1.08**step for step in range(74)))  # up to an hour
MEMORY = 1000.0  # calls
TALK_PRIOR_SECONDS, WRAP_UP_PRIOR_SECONDS = 60.0, 15.0
LEAVING_MEMORY = 100.0  # ends of calls


class Agents:
    """Chances as of the last `settle`; events are counted at once."""

    def __init__(self) -> None:
        self._talking: dict[str, tuple[float, float]] = {}  # agent -> since, weight
        self._wrapping: dict[str, tuple[float, float]] = {}
        self._calls: dict[str, str] = {}  # agent -> the last call: told twice, it is still one
        self._counted = float("-inf")
        self.served = 0  # calls whose agent became free again
        self._standstill = Standstill()
        self._leaving = 0.0  # share of the agents who end a call to go, not to take the next
        self._talk = Hazard(AGES, MEMORY, np.full(len(AGES), 1 / TALK_PRIOR_SECONDS), 6.0)
        self._wrap_up = Hazard(AGES, MEMORY, np.full(len(AGES), 1 / WRAP_UP_PRIOR_SECONDS), 6.0)
        self._settle_tables()

    def connected(self, call: str, agent: str, at: float) -> None:
        if self._calls.get(agent) == call:
            return
        self._calls[agent] = call
        self.freed(agent, at)  # who takes a call has ended the last one, told or not
        self._talking[agent] = at, self._talk.begin()

    def ended(self, call: str, agent: str, at: float) -> None:
        if self._calls.get(agent) == call and self._leave(self._talking, self._talk, agent, at):
            self._wrapping[agent] = at, self._wrap_up.begin()

    def freed(self, agent: str, at: float) -> None:
        talked = self._leave(self._talking, self._talk, agent, at)
        if talked:
            self._wrapping[agent] = at, self._wrap_up.begin()
        if self._leave(self._wrapping, self._wrap_up, agent, at):
            self._leaving *= 1 - 1 / LEAVING_MEMORY
            self.served += 1
            self._standstill.ended()

    def gone(self, agent: str, at: float) -> None:
        if agent in self._talking or agent in self._wrapping:
            self._leaving += (1 - self._leaving) / LEAVING_MEMORY
        self._leave(self._talking, self._talk, agent, at, ended=False)
        if self._leave(self._wrapping, self._wrap_up, agent, at, ended=False):
            self._standstill.ended()

    def _leave(
        self, busy: dict[str, tuple[float, float]], hazard: Hazard, agent: str, at: float, ended: bool = True
    ) -> bool:
        entry = busy.get(agent)
        if entry is None or at < entry[0]:  # told late, what came before it began does not end it
            return False
        since, weight = busy.pop(agent)
        age = at - since
        hazard.live(max(0.0, min(age, self._counted - since)), age, weight)
        if ended:
            hazard.leave(age, weight)
        return True

    def forget_running(self) -> None:
        self._talking.clear()
        self._wrapping.clear()
        self._counted = float("-inf")

    def look(self, now: float) -> None:
        """Once a decision: whether wrap-ups end."""
        due = sum(self._at_once[bisect_right(AGES, max(0.0, now - since)) - 1] for since, _ in self._wrapping.values())
        self._standstill.look(now, due)

    @property
    def stand_still(self) -> bool:
        """No wrap-up ends, though many should have."""
        return self._standstill.lasts

    def settle(self, now: float) -> None:
        for busy, hazard in ((self._talking, self._talk), (self._wrapping, self._wrap_up)):
            for agent, (since, weight) in list(busy.items()):
                if now - since > AGES[-1]:
                    del busy[agent]  # its end has not been reported
                else:
                    hazard.live(max(0.0, self._counted - since), now - since, weight)
            by = hazard.fade()
            for agent, (since, weight) in busy.items():
                busy[agent] = since, weight / by
        self._counted = max(self._counted, now)
        self._settle_tables()

    def _settle_tables(self) -> None:
        self._shifted: dict[float, tuple[Array, Array, Array]] = {}
        talk, wrap_up = self._talk.rates()[0], self._wrap_up.rates()[0]
        (whole_talk,), (whole_wrap_up,) = _chances(talk, BEGINNING), _chances(wrap_up, BEGINNING)
        wrapped_up = following(whole_wrap_up, when_within(wrap_up[BEGINNING].mean(0)[0]))
        stays = 1 - self._leaving
        self._talk_over = stays * _chances(talk, RUNNING) @ wrapped_up
        self._wrap_up_over = stays * _chances(wrap_up, RUNNING)
        self._at_once = self._wrap_up_over[:, 0].tolist()
        self._served = stays * whole_talk @ wrapped_up

    def _tables(self, patience: float) -> tuple[Array, Array, Array]:
        if patience not in self._shifted:
            self._shifted[patience] = (
                shifted(self._talk_over, patience),
                shifted(self._wrap_up_over, patience),
                following(shifted(self._served, patience)),
            )
        return self._shifted[patience]

    def freed_by_step(self, now: float, patience: float, busy: int | None = None) -> Array:
        """Agents due by step, each `patience` seconds sooner: an answered call can wait so long for one.

        `busy`: how many there are. Whoever we think busy beyond them has got free untold, and is not due again: those
        who have been at it longest. Nobody is due while all stand still.
        """
        if self.stand_still:
            return np.zeros(STEPS)
        talk_over, wrap_up_over, served = self._tables(patience)
        talking, wrapping = self._talking, self._wrapping
        if busy is not None and busy < self.busy:
            latest = sorted((*talking.items(), *wrapping.items()), key=lambda item: item[1][0], reverse=True)[:busy]
            names = {agent for agent, _entry in latest}
            talking, wrapping = ({agent: few[agent] for agent in few if agent in names} for few in (talking, wrapping))
        due = np.zeros(len(served))
        if talking:
            due = due + _bins(talking, now) @ talk_over
        if wrapping:
            due = due + _bins(wrapping, now) @ wrap_up_over
        return due

    def freed_after(self, answers: Array, patience: float) -> Array:
        """Of the agents who take `answers` (by step, last axis), those free again by step."""
        return answers @ self._tables(patience)[2]

    @property
    def busy(self) -> int:
        return len(self._talking) + len(self._wrapping)

    def state(self) -> dict[str, Any]:
        return {
            "talk": self._talk.state(),
            "wrap_up": self._wrap_up.state(),
            "leaving": self._leaving,
            "served": self.served,
        }

    def restore(self, state: Mapping[str, Any], another: bool) -> None:
        """Of `another` campaign only the chances are taken over, and with less weight.

        Raises ValueError for what no agents can have done.
        """
        self._talk.restore(state["talk"], ANOTHER if another else 1.0)
        self._wrap_up.restore(state["wrap_up"], ANOTHER if another else 1.0)
        (leaving,), served = numbers([state["leaving"]], 1), count(state["served"])
        if not 0 <= leaving <= 1:
            raise ValueError(f"a share of {leaving:g} leaving")
        self._leaving, self.served = leaving, 0 if another else served
        self._settle_tables()


def _bins(busy: dict[str, tuple[float, float]], now: float) -> Array:
    since = np.array([since for since, _ in busy.values()])
    bins = np.searchsorted(EDGES, now - since, "right") - 1
    return np.bincount(np.maximum(bins, 0), minlength=len(AGES)).astype(np.float64)


EDGES = np.array(AGES)
MIDDLES = np.concatenate([(EDGES[:-1] + EDGES[1:]) / 2, EDGES[-1:]])


def _look(ages: Array) -> NDArray[np.intp]:
    """The bins in which both halves of each second to come are, rows by age."""
    halves = np.array([0.25, 0.75])[:, None, None]
    bins: NDArray[np.intp] = np.searchsorted(EDGES, ages[:, None] + np.arange(SECONDS) + halves, "right") - 1
    return bins


BEGINNING, RUNNING = _look(np.zeros(1)), _look(MIDDLES)


def _chances(rates: Array, look: NDArray[np.intp]) -> Array:
    """P(over in second 1, 2, … from now | not over yet), rows by age; `rates` per second, by bin."""
    leaving = 1 - np.exp(-rates[look].mean(0))
    ends: Array = leaving * staying(leaving)
    return ends
