"""One campaign of a simulated call centre: what its policy decides, and the life of each of its calls."""

from collections.abc import Sequence
from math import inf

from dialer.pacing.events import Abandoned, Dialled, Disposed, Failed, Human, Machine, PickedUp
from dialer.pacing.policy import SETUP_SECONDS, Budget, Floor, Policy
from dialer.simulation.agenda import Agenda
from dialer.simulation.draws import Fate, fates
from dialer.simulation.figures import Figures
from dialer.simulation.hopper import Hopper, Turn
from dialer.simulation.odds import average, logistic, told
from dialer.simulation.pool import Pool
from dialer.simulation.roster import HOUR
from dialer.simulation.scenario import Scenario

RINGING, ANSWERED, WAITING, OVER = range(4)
MET_SECONDS = 2.0  # after the pick-up: whom an agent still has then nobody has abandoned


class Call:
    """From the dial until its agent is done with it."""

    __slots__ = (
        *("_campaign", "_cut_off", "_ends_as", "_heard", "_lost", "_picked_up"),
        *("fate", "live", "name", "placed", "reserved", "state", "turn"),
    )

    def __init__(self, campaign: "Campaign", name: str, fate: Fate, reserved: bool, turn: Turn | None) -> None:
        self._campaign, self.name, self.fate, self.reserved, self.turn = campaign, name, fate, reserved, turn
        self.placed = campaign.agenda.now
        self.live = False
        self.state = RINGING
        self._ends_as = "no-answer"
        self._picked_up = 0.0
        self._lost = False  # abandoned
        self._heard = False  # the detector beside the call has nothing to say any more
        self._cut_off = False  # what it says ends the talk

    def begin(self, human: float, machine: float, busy: float, dead: bool) -> None:
        """What comes of it where a person answers with chance `human`, and so on; a dead number is never answered."""
        scenario, agenda, fate = self._campaign.scenario, self._campaign.agenda, self.fate
        self.live = not dead and fate.chance < human
        rest = fate.chance - human
        if dead:
            self._ends_as = "failed"
            agenda.after(fate.refused, self.fail)
        elif self.live or rest < machine:
            after = fate.human_pick_up if self.live else fate.machine_pick_up
            what = self.pick_up if after < scenario.ring_seconds else self.fail
            agenda.after(min(after, scenario.ring_seconds), what)
        elif rest < machine + busy:
            self._ends_as = "busy"
            agenda.after(fate.refused, self.fail)
        else:
            agenda.after(scenario.ring_seconds, self.fail)

    def pick_up(self) -> None:
        campaign, detection = self._campaign, self._campaign.scenario.detection
        if self.state != RINGING:
            return
        self.state, self._picked_up = ANSWERED, campaign.agenda.now
        campaign.policy.observe(PickedUp(self.name, campaign.agenda.now))
        if detection is not None and not detection.beside:
            campaign.machines += not self.live
            campaign.agenda.after(self.fate.detection, self._verdict)
            return
        self._ask()
        if detection is None:
            campaign.machines += not self.live
        else:
            campaign.agenda.after(self.fate.detection, self._hear)

    def fail(self) -> None:
        if self.state != OVER:
            self._leave()
            self._campaign.policy.observe(Failed(self.name, self._campaign.agenda.now))
            self._campaign.came_to(self, self._ends_as)

    def hang_up(self, least_ring: float) -> None:
        """Unless it has not rung for so long yet."""
        rung = self._campaign.agenda.now - self.placed - self.fate.setup
        if self.state == RINGING and rung >= least_ring:
            self._campaign.figures.given_up += 1
            self._ends_as = "canceled"
            self.fail()

    @property
    def _beside(self) -> bool:
        detection = self._campaign.scenario.detection
        return detection is not None and detection.beside

    @property
    def _passes_for_machine(self) -> bool:
        detection = self._campaign.scenario.detection
        if detection is None:
            return False
        wrong = detection.human_taken_for_machine if self.live else detection.machine_taken_for_human
        return (self.fate.mistake < wrong) == self.live

    def _hear(self) -> None:
        """What the detector beside the call says, unless the talk is over."""
        campaign, now, machine = self._campaign, self._campaign.agenda.now, self._passes_for_machine
        if self._heard:
            return
        self._heard = True
        gone = machine and self.state == WAITING
        if machine:
            unmet = self._lost or gone or self.fate.detection <= MET_SECONDS
            campaign.machines += unmet
            campaign.cut_off += not unmet
            campaign.figures.no_person(self._lost)
        campaign.policy.observe(Machine(self.name, now) if machine else Human(self.name, now))
        if gone:
            campaign.pool.give_up(self)
            self._leave()
        if self._lost or gone:
            campaign.came_to(self, "machine" if machine else "abandoned")

    def _verdict(self) -> None:
        campaign = self._campaign
        if self._passes_for_machine:
            self._leave()
            campaign.policy.observe(Machine(self.name, campaign.agenda.now))
            campaign.came_to(self, "machine")
        else:
            self._ask()

    def _ask(self) -> None:
        campaign = self._campaign
        campaign.figures.asked(self.live)
        self.state = WAITING
        campaign.policy.observe(Human(self.name, campaign.agenda.now))
        if not campaign.pool.ask(self):
            campaign.agenda.after(campaign.scenario.connect_seconds, self._impatient)

    def _impatient(self) -> None:
        campaign = self._campaign
        if self.state == WAITING:
            campaign.pool.give_up(self)
            self._leave()
            self._lost = True
            campaign.figures.lost(self.live)
            campaign.policy.observe(Abandoned(self.name, campaign.agenda.now))
            if not self._beside or self._heard:
                campaign.came_to(self, "abandoned")

    def _leave(self) -> None:
        self.state = OVER
        self._campaign.left(self)

    def connected(self, pace: float, waited: float | None) -> float:
        campaign = self._campaign
        self._leave()
        talk = pace * (self.fate.talk if self.live else self.fate.machine_talk)
        until_heard = self._picked_up + self.fate.detection - campaign.agenda.now
        self._cut_off = self._beside and self._passes_for_machine and until_heard < talk
        if self._cut_off:
            talk = max(0.0, until_heard)
        campaign.figures.connected(talk, waited)
        return talk

    def ended(self, pace: float) -> float:
        """An agent who was taken off a machine has nothing to wrap up."""
        campaign = self._campaign
        if self._cut_off:
            self._hear()
            campaign.came_to(self, "machine")
            return 0.0
        wrap_up = pace * self.fate.wrap_up * (1.0 if self.live else campaign.scenario.callees.machine_wrap_up)
        campaign.figures.wrapping += wrap_up
        if self._beside and not self.live:
            campaign.figures.no_person(False)
        self._heard = True
        campaign.policy.observe(Disposed(self.name, self.live, campaign.agenda.now))
        campaign.talked(self)
        return wrap_up


class Campaign:
    """Dials for the agents of a pool, from its list where it has one, else to whoever comes."""

    def __init__(self, scenario: Scenario, policy: Policy, agenda: Agenda, pool: Pool, seed: int, number: int) -> None:
        self.scenario, self.policy, self.agenda, self.pool = scenario, policy, agenda, pool
        self.figures = Figures()
        self._fates = fates(scenario, seed, number)
        self._next = next(self._fates)
        self._hopper = None if scenario.leads is None else Hopper(scenario, self.figures, seed, number)
        self._ceilings = (scenario.drop_rate_ceiling,) if self._hopper is None else self._hopper.ceilings
        self._calls: dict[str, Call] = {}  # neither handed over nor ended
        self.machines = 0  # that answered; with a detector beside the call: that no agent had met
        self.cut_off = 0  # by a detector beside the call, from an agent who had met them
        self._reserved = 0
        self._begin = 0.0

    def __len__(self) -> int:
        """Lines in flight."""
        return len(self._calls)

    def begin_day(self) -> None:
        self._begin = self.agenda.now

    def pace(self, most: int, closes_in: float, others: Sequence[float]) -> int:
        """Ask the policy and do as it says; how many lines were started."""
        scenario, figures, now, hopper = self.scenario, self.figures, self.agenda.now, self._hopper
        if hopper is not None:
            most = min(most, hopper.due(now))
        mistaken = scenario.machine_error * self.machines + scenario.cut_off_error * self.cut_off
        floor = Floor(
            free_agents=max(0, len(self.pool.free) - (self.pool.reserved - self._reserved)),
            in_flight=len(self._calls),
            max_dials=most,
            budgets=tuple(
                Budget(ceiling, figures.answers + mistaken, figures.abandoned + mistaken) for ceiling in self._ceilings
            ),
            ring_seconds=scenario.ring_seconds,
            connect_seconds=scenario.connect_seconds,
            give_up_seconds=(scenario.give_up_seconds or inf) + SETUP_SECONDS,
            busy_agents=self.pool.busy,
            closes_in=closes_in,
            others=others,
        )
        decision = self.policy.decide(now, floor)
        for name in decision.give_up:
            if name in self._calls:
                self._calls[name].hang_up(scenario.give_up_seconds or inf)
        dial = min(decision.dial, most)
        if hopper is None:
            for _ in range(dial):
                self._dial_anybody(decision.reserve)
        else:
            turns = hopper.take(dial, decision.reserve, now)
            for turn in turns:
                self._dial_lead(hopper, turn, decision.reserve)
            dial = len(turns)
        figures.most_dialled = max(figures.most_dialled, dial)
        return dial

    def _dial_anybody(self, reserved: bool) -> None:
        callees = self.scenario.callees
        human, chance = callees.human_at((self.agenda.now - self._begin) / HOUR), 1.0
        call = self._call(reserved)
        if callees.spread:
            chance = told(human, callees.spread, call.fate.known, callees.known)
            human = logistic(average(human, callees.spread) + call.fate.odds)
        self.policy.observe(Dialled(call.name, self.agenda.now, chance))
        call.begin(human, callees.machine, callees.busy, dead=False)

    def _dial_lead(self, hopper: Hopper, turn: Turn, reserved: bool) -> None:
        callees, leads, now = self.scenario.callees, hopper.leads, self.agenda.now
        living = 1 - leads.dead
        call = self._call(reserved, turn)
        human = hopper.human(turn.lead, callees.human_at((now - self._begin) / HOUR), now)
        self.policy.observe(Dialled(call.name, now, turn.chance))
        call.begin(human, callees.machine / living, (callees.busy - leads.dead) / living, turn.lead.dead)

    def _call(self, reserved: bool, turn: Turn | None = None) -> Call:
        fate, self._next = self._next, next(self._fates)
        self.figures.dials += 1
        call = Call(self, f"{self.scenario.name}-{self.figures.dials}", fate, reserved, turn)
        self._calls[call.name] = call
        self._reserved += reserved
        self.pool.reserved += reserved
        return call

    def left(self, call: Call) -> None:
        """It rings and waits no more."""
        del self._calls[call.name]
        self._reserved -= call.reserved
        self.pool.reserved -= call.reserved

    def came_to(self, call: Call, code: str) -> None:
        """Its disposition, where a lead was dialled."""
        if self._hopper is not None and call.turn is not None:
            self._hopper.settle(call.turn, code, call.placed, self.agenda.now)

    def talked(self, call: Call) -> None:
        """An agent is done with whoever it was."""
        if not call.live:
            self.came_to(call, "machine")
        elif self._hopper is not None and call.turn is not None:
            self._hopper.talked(call.turn, call.placed, self.agenda.now)
