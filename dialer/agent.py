"""The agent's state machine as a table. The seat is the carrier leg held all shift; without it nothing else counts.

logged-out ──▶ joining ──▶ paused ◀──▶ ready ──▶ on-call ──▶ wrap-up ──▶ ready | paused | logged-out
"""

from enum import StrEnum


class AgentState(StrEnum):
    LOGGED_OUT = "logged-out"
    JOINING = "joining"  # the carrier rings the agent's address
    PAUSED = "paused"
    READY = "ready"
    ON_CALL = "on-call"
    WRAP_UP = "wrap-up"


class AgentEvent(StrEnum):
    LOG_IN = "log in"
    SEAT_JOINED = "join the seat"
    SEAT_LOST = "lose the seat"
    GET_READY = "get ready"
    PAUSE = "pause"
    LOG_OUT = "log out"
    CALL_ASSIGNED = "take a call"
    TALK_OVER = "end the talk"
    CALL_VOID = "drop a machine's call"  # nothing to wrap up
    WRAPPED_UP = "finish wrap-up"


class ImpossibleForAgent(Exception):
    """The event cannot happen in this state; the agent is left unchanged."""


_S, _E = AgentState, AgentEvent

# Goes where the agent asked to be after this call.
AFTERWARDS = "afterwards"
TABLE: dict[tuple[AgentState, AgentEvent], AgentState | str] = {
    (_S.LOGGED_OUT, _E.LOG_IN): _S.JOINING,
    (_S.LOGGED_OUT, _E.LOG_OUT): _S.LOGGED_OUT,
    (_S.LOGGED_OUT, _E.SEAT_LOST): _S.LOGGED_OUT,
    (_S.JOINING, _E.LOG_IN): _S.JOINING,
    (_S.JOINING, _E.SEAT_JOINED): AFTERWARDS,
    (_S.JOINING, _E.GET_READY): _S.JOINING,
    (_S.JOINING, _E.PAUSE): _S.JOINING,
    (_S.PAUSED, _E.LOG_IN): _S.PAUSED,
    (_S.PAUSED, _E.SEAT_JOINED): _S.PAUSED,
    (_S.PAUSED, _E.PAUSE): _S.PAUSED,
    (_S.PAUSED, _E.GET_READY): _S.READY,
    (_S.READY, _E.LOG_IN): _S.READY,
    (_S.READY, _E.SEAT_JOINED): _S.READY,
    (_S.READY, _E.GET_READY): _S.READY,
    (_S.READY, _E.PAUSE): _S.PAUSED,
    (_S.READY, _E.CALL_ASSIGNED): _S.ON_CALL,
    (_S.ON_CALL, _E.LOG_IN): _S.ON_CALL,
    (_S.ON_CALL, _E.SEAT_JOINED): _S.ON_CALL,
    (_S.ON_CALL, _E.GET_READY): _S.ON_CALL,
    (_S.ON_CALL, _E.PAUSE): _S.ON_CALL,
    (_S.ON_CALL, _E.TALK_OVER): _S.WRAP_UP,
    (_S.ON_CALL, _E.CALL_VOID): AFTERWARDS,
    (_S.WRAP_UP, _E.LOG_IN): _S.WRAP_UP,
    (_S.WRAP_UP, _E.SEAT_JOINED): _S.WRAP_UP,
    (_S.WRAP_UP, _E.GET_READY): _S.WRAP_UP,
    (_S.WRAP_UP, _E.PAUSE): _S.WRAP_UP,
    (_S.WRAP_UP, _E.WRAPPED_UP): AFTERWARDS,
    **{(state, _E.SEAT_LOST): _S.LOGGED_OUT for state in (_S.JOINING, _S.PAUSED, _S.READY, _S.ON_CALL, _S.WRAP_UP)},
    **{(state, _E.LOG_OUT): _S.LOGGED_OUT for state in (_S.JOINING, _S.PAUSED, _S.READY)},
    (_S.ON_CALL, _E.LOG_OUT): _S.ON_CALL,
    (_S.WRAP_UP, _E.LOG_OUT): _S.WRAP_UP,
}

# Asked for while the agent is busy: remembered, and done when the call is wrapped up.
_WISHES = {_E.GET_READY: _S.READY, _E.PAUSE: _S.PAUSED, _E.LOG_OUT: _S.LOGGED_OUT}


def move(state: AgentState, afterwards: AgentState, event: AgentEvent) -> tuple[AgentState, AgentState]:
    """State and `afterwards` (ready, paused or logged-out) after the event. Raises ImpossibleForAgent."""
    try:
        target = TABLE[state, event]
    except KeyError:
        raise ImpossibleForAgent(f"is {state} and cannot {event}") from None
    if event is _E.LOG_IN and _S.LOGGED_OUT in (state, afterwards):
        afterwards = _S.PAUSED
    if event in _WISHES and target in (_S.JOINING, _S.ON_CALL, _S.WRAP_UP):
        afterwards = _WISHES[event]
    if target == AFTERWARDS:
        return afterwards, _S.READY
    return AgentState(target), afterwards
