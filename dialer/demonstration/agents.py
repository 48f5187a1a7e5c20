"""Simulated agents: they work the control API as an agent's page does, with human delays."""

from collections.abc import Sequence
from random import Random
from typing import Any

from dialer.demonstration.processes import Stage

NAMES = ("anna", "boris", "carla", "david", "elena", "farid", "grace", "henry", "irina", "jamal")
DISPOSITIONS = {  # and how often each is chosen
    "sale": 12,
    "not-interested": 46,
    "callback": 10,
    "not-available": 14,
    "do-not-call": 6,
    "wrong-number": 6,
    "language": 6,
}
WRAP_UP_SECONDS = (0.8, 2.0)
BREAK_CHANCE = 0.03  # after a call
BREAK_SECONDS = (6.0, 10.0)


def names(count: int) -> list[str]:
    return [NAMES[n] if n < len(NAMES) else f"agent-{n + 1}" for n in range(count)]


class Agents:
    """Plays every agent of a campaign; `act` is to be called several times a second."""

    def __init__(
        self,
        stage: Stage,
        campaign: str,
        count: int,
        seed: int,
        wrap_up_seconds: tuple[float, float] = WRAP_UP_SECONDS,
    ) -> None:
        self._stage, self._random, self._wrap_up_seconds = stage, Random(seed), wrap_up_seconds
        self._due: dict[str, tuple[str | None, float]] = {}
        for name in names(count):
            stage.do("agent/add", agent=name, address=f"client:{name}")
            stage.do("agent/login", agent=name, campaign=campaign)
            stage.do("agent/ready", agent=name)

    def act(self, agents: Sequence[dict[str, Any]], now: float) -> None:
        """Do what is due: dispositions after some thought, a break now and then; `now` in seconds."""
        for agent in agents:
            name, attempt = agent["agent"], agent["attempt_id"]
            if agent["state"] not in ("wrap-up", "paused"):
                self._due.pop(name, None)
                continue
            seconds = BREAK_SECONDS if agent["state"] == "paused" else self._wrap_up_seconds
            key = attempt or agent["state"]
            if self._due.get(name, (None, 0.0))[0] != key:
                self._due[name] = (key, now - agent["seconds"] + self._random.uniform(*seconds))
            elif now >= self._due[name][1]:
                self._finish(name, agent["state"])
                del self._due[name]

    def _finish(self, name: str, state: str) -> None:
        if state == "paused":
            self._stage.do("agent/ready", agent=name)
            return
        if self._random.random() < BREAK_CHANCE:
            self._stage.do("agent/pause", agent=name, reason="break")
        code = self._random.choices(list(DISPOSITIONS), list(DISPOSITIONS.values()))[0]
        self._stage.do("agent/dispose", agent=name, disposition=code)
