"""What every action has: a request, and what it may use."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlmodel import Session

from campaigns.campaign import E164
from compliance.rulebook import Rulebook
from dialer.call_control import Taken
from dialer.commands import HangUp


class Request(BaseModel):
    """Parameters of an action; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What every action may use."""

    session: Session
    rulebook: Rulebook
    now: datetime
    connect_seconds: float
    orders: list[tuple[HangUp, str]] = field(default_factory=list)  # for the carrier, after the commit; with attempt id
    taken: list[Taken] = field(default_factory=list)  # events of calls, to be followed up after the commit


Result = dict[str, Any]
# Another way of writing a number would be kept and never match one that is dialled.
Number = Annotated[str, StringConstraints(pattern=f"^{E164.pattern}$")]
