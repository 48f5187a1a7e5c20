"""An answered call follows its documents, until one of them, the called party or the application ends it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from dialer.emulator.calls import Call, CallStatus
from dialer.emulator.conferences import Left, Member
from dialer.emulator.errors import ApiError, TwimlError, WebhookFailed
from dialer.emulator.exchange import Exchange
from dialer.emulator.hearing import Hears
from dialer.emulator.line import By, HungUp, Redirected
from dialer.emulator.parameters import CallRequest, Fetch, Form, Hook, Inline, Source
from dialer.emulator.twiml import Dial, Gather, Hangup, Party, Pause, Redirect, Reject, Room, Sound, Step, parse

DialLeg = Callable[[Call, CallRequest], Call]


class Conversation:
    """One answered call. `dial_leg` starts a leg for <Dial>."""

    def __init__(self, call: Call, exchange: Exchange, dial_leg: DialLeg) -> None:
        self._call = call
        self._exchange = exchange
        self._dial_leg = dial_leg
        self._base: Hook | None = None  # of the current document; None when it came inline

    async def follow(self, source: Source) -> None:
        """Returns when the documents have nothing left to do. Raises HungUp."""
        following: Source | None = source
        while following is not None:
            try:
                following = await self._follow_one(following)
            except Redirected as redirected:
                following = redirected.source

    async def _follow_one(self, source: Source) -> Source | None:
        self._call.hearing.change(Hears.SILENCE)
        if isinstance(source, Room):
            await self._in_conference(source)
            return None
        try:
            return await self._play(await self._read(source))
        except (WebhookFailed, TwimlError) as failed:
            self._exchange.trouble(self._call, failed.code, str(failed))
            fallback = self._call.request.fallback
            if fallback is None or (isinstance(source, Fetch) and source.hook == fallback):
                return None
            url = source.hook.url if isinstance(source, Fetch) else ""
            return Fetch(fallback, (("ErrorCode", str(failed.code)), ("ErrorUrl", url)))

    async def _read(self, source: Fetch | Inline) -> Sequence[Step]:
        if isinstance(source, Inline):
            self._base = None
            return parse(source.twiml)
        self._base = source.hook
        task = self._exchange.ask(self._call, source.hook, [*self._form(), *source.extra])
        return parse(await self._call.line.watch(task) or "")

    def _form(self) -> Form:
        detection = self._call.request.detection
        form = self._call.form()
        if detection is None or not detection.blocking or self._call.answered_by is None:
            return form
        milliseconds = round((self._call.detection_seconds or 0) * 1000)
        verdict = [("AnsweredBy", self._call.answered_by), ("MachineDetectionDuration", str(milliseconds))]
        return [*form, *verdict]

    async def _play(self, steps: Sequence[Step]) -> Source | None:
        line, hearing = self._call.line, self._call.hearing
        for step in steps:
            following: Source | None = None
            match step:
                case Sound(seconds=seconds):
                    hearing.change(Hears.MESSAGE)
                    await line.wait(seconds)
                case Pause(seconds=seconds):
                    hearing.change(Hears.SILENCE)
                    await line.wait(seconds)
                case Gather():
                    following = await self._gather(step)
                case Dial():
                    following = await self._dial(step)
                case Redirect(url=url, method=method):
                    following = Fetch(self._hook(url, method))
                case Hangup() | Reject():
                    return None
            if following is not None:
                return following
        return None

    async def _gather(self, step: Gather) -> Source | None:
        line = self._call.line
        if any(isinstance(prompt, Sound) for prompt in step.prompts):
            self._call.hearing.change(Hears.MESSAGE)
        line.forget_keys()
        seconds = sum(prompt.seconds for prompt in step.prompts) + step.timeout_seconds
        digits = ""
        finished_by = ""
        while step.digits is None or len(digits) < step.digits:
            key = await line.wait_for_key(seconds)
            if key is None:
                break
            if key == step.finish_key:
                finished_by = key
                break
            digits += key
            seconds = step.timeout_seconds
        if not digits and not step.action_on_empty:
            return None
        extra = [("Digits", digits)] + ([("FinishedOnKey", finished_by)] if finished_by else [])
        return Fetch(self._hook(step.action, step.method), tuple(extra))

    async def _dial(self, step: Dial) -> Source | None:
        action = self._hook(step.action, step.method) if step.action else None
        self._call.hearing.change(Hears.SILENCE)
        try:
            if isinstance(step.target, Room):
                result = await self._in_conference(self._absolute(step.target), step.limit_seconds)
            else:
                result = await self._bridged(step, step.target)
        except HungUp:
            if action is not None:  # Twilio asks for the next document even so, and throws it away
                form = [*self._call.form(CallStatus.COMPLETED), ("DialCallStatus", "completed")]
                self._exchange.webhooks.tell(action, form, self._call.sid)
            raise
        return None if action is None else Fetch(action, tuple(result))

    async def _in_conference(self, room: Room, limit_seconds: float | None = None) -> Form:
        conferences = self._exchange.conferences
        member = self._enter(room)
        if member is None:
            return [("DialCallStatus", "failed")]
        try:
            await self._call.line.watch(member.out, limit_seconds)
        except Redirected:
            conferences.leave(self._call, Left.BY_API)
            raise
        conferences.leave(self._call, Left.HUNG_UP)
        return [("DialCallStatus", "answered"), ("DialBridged", "true")]

    def _enter(self, room: Room) -> Member | None:
        try:
            return self._exchange.conferences.enter(self._call, room)
        except ApiError as refused:
            raise TwimlError(refused.code, refused.message) from refused

    async def _bridged(self, step: Dial, target: Party) -> Form:
        request = CallRequest(
            to=target.address,
            from_=step.caller_id or self._call.request.from_,
            source=None,
            ring_seconds=step.ring_seconds,
        )
        leg = self._dial_leg(self._call, request)
        try:
            if await self._call.line.watch(leg.picked_up):
                if leg.is_agent or self._call.is_agent:
                    self._call.hearing.change(Hears.PERSON)
                    leg.hearing.change(Hears.PERSON)
                await self._call.line.watch(leg.parted, step.limit_seconds)
        finally:
            if not leg.parted.done():
                leg.line.hang_up(By.CARRIER)
        await self._call.line.watch(leg.parted)
        return [
            ("DialCallStatus", str(leg.status)),
            ("DialCallSid", leg.sid),
            ("DialCallDuration", str(leg.seconds)),
            ("DialBridged", "true" if leg.answered_at else "false"),
        ]

    def _hook(self, url: str, method: str) -> Hook:
        """A URL of the document, made absolute; empty: the document's own."""
        if self._base is not None:
            return Hook(urljoin(self._base.url.partition("#")[0], url), method)
        if urlsplit(url).scheme not in ("http", "https"):
            raise TwimlError(11100, f"Invalid URL format: {url!r} in a document that has no URL of its own")
        return Hook(url, method)

    def _absolute(self, room: Room) -> Room:
        return replace(room, callback=self._hook(room.callback, "POST").url) if room.callback else room
