"""Conferences: who is in which, what is told about it, and who hears whom."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from dialer.clock import Clock
from dialer.emulator.calls import Call, rfc2822
from dialer.emulator.errors import ApiError
from dialer.emulator.hearing import Hears
from dialer.emulator.line import By
from dialer.emulator.parameters import Form, Hook
from dialer.emulator.twiml import Room
from dialer.emulator.webhooks import Webhooks


class ConferenceStatus(StrEnum):
    """Twilio's words."""

    INIT = "init"  # nobody can talk yet
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"


class Left(StrEnum):
    """Why a participant left, in Twilio's words."""

    HUNG_UP = "participant_hung_up"
    BY_API = "participant_updated_via_api"
    MODERATOR = "moderator_ended_conference"
    ENDED_BY_API = "conference_ended_via_api"
    NEVER_CAME = "participant_add_failed"


class Ended(StrEnum):
    """Why a conference ended, in Twilio's words."""

    BY_API = "conference-ended-via-api"
    MODERATOR_LEFT = "participant-with-end-conference-on-exit-left"
    MODERATOR_KICKED = "participant-with-end-conference-on-exit-kicked"
    LAST_KICKED = "last-participant-kicked"
    LAST_LEFT = "last-participant-left"


@dataclass(eq=False)
class Member:
    """A call in a conference, or on its way there (`joined_at` None). `out` is done when the conference lets it go."""

    call: Call
    label: str
    start_on_enter: bool
    end_on_exit: bool
    muted: bool
    created_at: datetime
    updated_at: datetime
    out: "asyncio.Future[None]"
    hold: bool = False
    joined_at: datetime | None = None


@dataclass(eq=False)
class Conference:
    """Subscriptions are those of the first participant, as at Twilio."""

    sid: str
    account_sid: str
    name: str
    created_at: datetime
    updated_at: datetime
    max_participants: int
    callback: Hook | None
    events: frozenset[str]
    status: ConferenceStatus = ConferenceStatus.INIT
    members: dict[str, Member] = field(default_factory=dict)  # call sid -> member
    told: int = 0
    reason_ended: str | None = None
    call_sid_ending: str | None = None

    def present(self) -> list[Member]:
        return [member for member in self.members.values() if member.joined_at is not None]


class Conferences:
    """All of them, the ended ones too; at most one live conference has a given name."""

    def __init__(self, account_sid: str, webhooks: Webhooks, clock: Clock) -> None:
        self.by_sid: dict[str, Conference] = {}
        self._live: dict[str, Conference] = {}
        self._of_call: dict[str, Conference] = {}
        self._account_sid = account_sid
        self._webhooks = webhooks
        self._clock = clock

    def find(self, sid_or_name: str) -> Conference | None:
        return self.by_sid.get(sid_or_name) or self._live.get(sid_or_name)

    def check_label(self, room: Room) -> None:
        """Raises ApiError when the label is taken."""
        conference = self._live.get(room.name)
        if conference and room.label and any(member.label == room.label for member in conference.members.values()):
            raise ApiError(400, 16025, f"Participant label {room.label!r} is already in use in this conference")

    def expect(self, call: Call, room: Room) -> None:
        """Make a place for a call that will join once it is answered. Raises ApiError when its label is taken."""
        self.check_label(room)
        conference = self._live.get(room.name) or self._open(room)
        now = self._clock.now()
        member = Member(
            call=call,
            label=room.label,
            start_on_enter=room.start_on_enter,
            end_on_exit=room.end_on_exit,
            muted=room.muted,
            created_at=now,
            updated_at=now,
            out=asyncio.get_running_loop().create_future(),
        )
        conference.members[call.sid] = member
        self._of_call[call.sid] = conference

    def enter(self, call: Call, room: Room) -> Member | None:
        """Bring a call in; None when the conference is full."""
        if call.sid not in self._of_call:
            self.expect(call, room)
        conference = self._of_call[call.sid]
        member = conference.members[call.sid]
        if len(conference.present()) >= conference.max_participants:
            self._forget(conference, member)
            return None
        member.joined_at = conference.updated_at = self._clock.now()
        self._tell(conference, "join", "participant-join", self._member_form(member))
        self._start_if_ready(conference)
        self._who_hears_whom(conference)
        return member

    def leave(self, call: Call, reason: Left) -> None:
        """Take a call out, if it is in a conference or on its way there."""
        conference = self._of_call.get(call.sid)
        if conference is None:
            return
        member = conference.members[call.sid]
        self._take_out(conference, member, reason)
        if member.end_on_exit and member.joined_at is not None:
            self._end(conference, Ended.MODERATOR_LEFT, member)
        elif not conference.members:
            self._end(conference, Ended.LAST_LEFT, member)

    def kick(self, conference: Conference, member: Member) -> None:
        """Remove a participant by request: its call goes on after the <Dial>, or ends if it was not answered yet."""
        if member.joined_at is None:
            member.call.line.hang_up(By.API)
        self._take_out(conference, member, Left.BY_API)
        if member.end_on_exit:
            self._end(conference, Ended.MODERATOR_KICKED, member)
        elif not conference.members:
            self._end(conference, Ended.LAST_KICKED, member)

    def end(self, conference: Conference) -> None:
        """End it by request."""
        if conference.status is not ConferenceStatus.COMPLETED:
            self._end(conference, Ended.BY_API, None)

    def change(self, conference: Conference, member: Member, muted: bool | None, hold: bool | None) -> None:
        member.updated_at = self._clock.now()
        if muted is not None and muted != member.muted:
            member.muted = muted
            event = "participant-mute" if muted else "participant-unmute"
            self._tell(conference, "mute", event, self._member_form(member))
        if hold is not None and hold != member.hold:
            member.hold = hold
            event = "participant-hold" if hold else "participant-unhold"
            self._tell(conference, "hold", event, self._member_form(member))

    def _open(self, room: Room) -> Conference:
        now = self._clock.now()
        conference = Conference(
            sid=f"CF{uuid4().hex}",
            account_sid=self._account_sid,
            name=room.name,
            created_at=now,
            updated_at=now,
            max_participants=room.max_participants,
            callback=Hook(room.callback, room.callback_method) if room.callback else None,
            events=room.events,
        )
        self.by_sid[conference.sid] = self._live[room.name] = conference
        return conference

    def _start_if_ready(self, conference: Conference) -> None:
        # Two participants, one of whom may start it: Twilio's description of the event `start`.
        present = conference.present()
        if conference.status is not ConferenceStatus.INIT or len(present) < 2:
            return
        if any(member.start_on_enter for member in present):
            conference.status = ConferenceStatus.IN_PROGRESS
            self._tell(conference, "start", "conference-start", [])

    def _forget(self, conference: Conference, member: Member) -> None:
        del conference.members[member.call.sid]
        del self._of_call[member.call.sid]
        if not member.out.done():
            member.out.set_result(None)

    def _take_out(self, conference: Conference, member: Member, reason: Left) -> None:
        self._forget(conference, member)
        conference.updated_at = self._clock.now()
        status = member.call.status
        extra = [("ParticipantCallStatus", str(status)), ("ReasonParticipantLeft", str(reason))]
        self._tell(conference, "leave", "participant-leave", [*self._member_form(member), *extra])
        self._who_hears_whom(conference)

    def _end(self, conference: Conference, reason: Ended, culprit: Member | None) -> None:
        conference.status = ConferenceStatus.COMPLETED
        conference.reason_ended = reason
        conference.call_sid_ending = culprit.call.sid if culprit else None
        del self._live[conference.name]
        left = Left.ENDED_BY_API if reason is Ended.BY_API else Left.MODERATOR
        for member in list(conference.members.values()):
            self._take_out(conference, member, left)
            if member.joined_at is None:
                member.call.line.hang_up(By.CARRIER)
        form: Form = [("ReasonConferenceEnded", str(reason))]
        if culprit is not None:
            form = [*form, ("CallSidEndingConference", culprit.call.sid)]
            if culprit.label:
                form = [*form, ("ParticipantLabelEndingConference", culprit.label)]
        self._tell(conference, "end", "conference-end", form)

    def _who_hears_whom(self, conference: Conference) -> None:
        present = conference.present()
        talking = conference.status is ConferenceStatus.IN_PROGRESS
        for member in present:
            with_agent = talking and any(other.call.is_agent for other in present if other is not member)
            member.call.hearing.change(Hears.PERSON if with_agent else Hears.SILENCE)

    def _member_form(self, member: Member) -> Form:
        form = [
            ("CallSid", member.call.sid),
            ("Muted", _flag(member.muted)),
            ("Hold", _flag(member.hold)),
            ("Coaching", "false"),
            ("EndConferenceOnExit", _flag(member.end_on_exit)),
            ("StartConferenceOnEnter", _flag(member.start_on_enter)),
        ]
        return [*form, ("ParticipantLabel", member.label)] if member.label else form

    def _tell(self, conference: Conference, subscription: str, event: str, extra: Form) -> None:
        if conference.callback is None or subscription not in conference.events:
            return
        conference.told += 1
        form = [
            ("ConferenceSid", conference.sid),
            ("FriendlyName", conference.name),
            ("AccountSid", conference.account_sid),
            ("SequenceNumber", str(conference.told)),
            ("Timestamp", rfc2822(self._clock.now())),
            ("StatusCallbackEvent", event),
            *extra,
        ]
        self._webhooks.tell(conference.callback, form, conference.sid)


def _flag(value: bool) -> str:
    return "true" if value else "false"
