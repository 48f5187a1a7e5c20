"""What pacing has learned outlives the daemon."""

import pytest
from sqlalchemy import update
from sqlmodel import Session, SQLModel
from structlog.testing import capture_logs

from campaigns.campaign import LINES_PER_AGENT_MAXIMUM, LINES_PER_AGENT_MINIMUM
from campaigns.tables import Campaign
from dialer.choice import Choice
from dialer.dial_loop import DialLoop
from dialer.learned import Learned, chances_of, keep, policy_of
from dialer.leases import Leases
from dialer.pacing.events import AgentFree, CallEnded, Connected, Dialled, Failed, Human, PickedUp
from dialer.pacing.leads import LeadChances
from dialer.pacing.policy import Budget as DropBudget
from dialer.pacing.policy import Floor
from dialer.pacing.predictive import Predictive
from dialer.pacing.progressive import Progressive
from dialer.pacing.ratio import HIGHEST, LOWEST, Ratio

pytestmark = pytest.mark.both_databases

STATE = SQLModel.metadata.tables["pacing_state"]
NOTHING = LeadChances()
FLOOR = Floor(free_agents=10, in_flight=0, max_dials=100, budgets=(DropBudget(0.03, 2000, 20),))


def taught() -> Predictive:
    """Of 500 lines 100 are answered after 8 s; talks last 20 to 99 s, wrap-up 10 s."""
    policy = Predictive()
    for number in range(500):
        call, agent, at = f"call-{number}", f"agent-{number}", number * 200.0
        policy.decide(at, FLOOR)
        policy.observe(Dialled(call, at))
        if number % 5:
            policy.observe(Failed(call, at + 25))
            continue
        for event in (PickedUp(call, at + 8), Human(call, at + 8), Connected(call, agent, at + 8)):
            policy.observe(event)
        policy.observe(CallEnded(call, agent, at + 28 + number % 80))
        policy.observe(AgentFree(agent, at + 38 + number % 80))
    return policy


@pytest.fixture
def predictive(build):
    return lambda **changes: build.campaign(mode="predictive", **changes)


@pytest.fixture
def policy(database):
    def read(campaign_id: int):
        with database.read() as session:
            return policy_of(session, session.get(Campaign, campaign_id))

    return read


def save(database, clock, campaign, learned, leads=NOTHING) -> None:
    def write(session: Session) -> None:
        keep(session, {campaign: Learned(learned.state(), leads.state())}, clock.now())

    database.write(write)


@pytest.fixture
def chances(database):
    def read(campaign_id: int):
        with database.read() as session:
            return chances_of(session, session.get(Campaign, campaign_id)).chances([("good",), ("bad",)]).tolist()

    return read


def taught_leads() -> LeadChances:
    leads = LeadChances()
    for number in range(400):
        leads.learn(("good",), number % 2 == 0)
        leads.learn(("bad",), number % 20 == 0)
    return leads


def damage(database, campaign=None, **values) -> None:
    """Of one campaign, or of all."""
    new = update(STATE).values(values)
    new = new if campaign is None else new.where(STATE.c.campaign_id == campaign)
    database.write(lambda session: session.connection().execute(new) and None)


def test_a_campaign_that_never_ran_starts_one_to_one(build, predictive, policy):
    decision = policy(predictive()).decide(0.0, FLOOR)
    assert (decision.dial, decision.reserve) == (10, True)
    assert decision.reason.startswith("learning, 0 of 40")


def test_a_progressive_campaign_learns_nothing(build, predictive, policy):
    assert isinstance(policy(build.campaign()), Progressive)


def test_a_campaign_of_mode_ratio_has_as_many_lines_as_it_says(build, policy):
    ratio = policy(build.campaign(mode="ratio", lines_per_agent=1.8))
    assert isinstance(ratio, Ratio)
    assert ratio.decide(0.0, FLOOR).dial == 18
    assert policy(build.campaign(name="usual", mode="ratio")).decide(0.0, FLOOR).dial == 15


def test_every_ratio_that_a_campaign_may_have_is_one_that_pacing_takes():
    assert (LINES_PER_AGENT_MINIMUM, LINES_PER_AGENT_MAXIMUM) == (LOWEST, HIGHEST)


def test_after_a_restart_a_campaign_dials_ahead_at_once(build, predictive, database, clock, policy):
    campaign = predictive()
    learned = taught()
    expected = learned.decide(200_000.0, FLOOR)
    save(database, clock, campaign, learned)
    decision = policy(campaign).decide(5.0, FLOOR)  # by another clock
    assert decision.dial == expected.dial > 15
    assert not decision.reserve


def test_saving_again_replaces(build, predictive, database, clock, policy):
    campaign = predictive()
    save(database, clock, campaign, Predictive())
    save(database, clock, campaign, taught())
    assert len(build.rows("pacing_state")) == 1
    assert policy(campaign).decide(5.0, FLOOR).dial > 15


@pytest.mark.parametrize(("client", "needed"), [("Acme", 10), ("Other", 40)])
def test_a_new_campaign_begins_with_what_the_clients_last_one_knew(
    build, predictive, database, clock, policy, client, needed
):
    """It still has to see a few calls of its own."""
    save(database, clock, predictive(client="Acme", name="old"), taught())
    decision = policy(predictive(client=client, name="new")).decide(0.0, FLOOR)
    assert decision.reserve
    assert decision.reason.startswith(f"learning, 0 of {needed} ")


def test_what_a_campaign_of_another_mode_saved_is_passed_over(build, predictive, database, clock, policy):
    save(database, clock, predictive(name="old"), taught())
    clock.advance(60)
    save(database, clock, build.campaign(name="since then", mode="ratio"), Ratio(1.5))
    assert policy(predictive(name="new")).decide(0.0, FLOOR).reason.startswith("learning, 0 of 10 ")


def test_a_state_of_another_version_is_left_and_learning_starts_anew(build, predictive, database, clock, policy):
    campaign = predictive()
    save(database, clock, campaign, taught())
    database.write(
        lambda session: session.connection().execute(update(STATE).values(state={"format": "predictive-0"})) and None
    )
    assert policy(campaign).decide(0.0, FLOOR).reason.startswith("learning, 0 of 40")


@pytest.mark.parametrize("state", [None, [], {**Predictive().state(), "lines": None}])
def test_a_damaged_state_stops_no_campaign(predictive, database, clock, policy, chances, state):
    campaign = predictive()
    save(database, clock, campaign, taught(), taught_leads())
    damage(database, state=state, leads=state)
    for one, said in (campaign, ["pacing_state_not_used", "lead_chances_not_used"]), (predictive(name="new"), []):
        with capture_logs() as logs:
            assert policy(one).decide(0.0, FLOOR).reason.startswith("learning, 0 of 40")
            assert len(set(chances(one))) == 1
        assert [one["event"] for one in logs] == said


@pytest.fixture
def one_knows(predictive, database, clock) -> int:
    """The last campaign but two of the client: the next has just begun, the last one's state is of another version."""
    known = predictive(name="known")
    save(database, clock, known, taught(), taught_leads())
    clock.advance(60)
    save(database, clock, predictive(name="just begun"), Predictive())
    clock.advance(60)
    foreign = predictive(name="foreign")
    save(database, clock, foreign, Predictive())
    damage(database, foreign, state={"format": "predictive-0"}, leads={"format": "leads-0"})
    return known


def test_a_new_campaign_begins_with_the_last_that_has_learned(one_knows, predictive, policy, chances):
    new = predictive(name="new")
    assert policy(new).decide(0.0, FLOOR).reason.startswith("learning, 0 of 10 ")
    good, bad = chances(new)
    assert good > bad + 0.2


def test_so_does_a_campaign_whose_own_state_is_of_another_version(
    one_knows, predictive, database, clock, policy, chances
):
    own = predictive(name="own")
    save(database, clock, own, taught(), taught_leads())
    damage(database, own, state={"format": "predictive-0"}, leads={"format": "leads-0"})
    assert policy(own).decide(0.0, FLOOR).reason.startswith("learning, 0 of 10 ")
    good, bad = chances(own)
    assert good > bad + 0.2


def test_where_none_has_learned_the_last_one_is_begun_with(predictive, database, clock, policy, chances):
    some = Predictive()
    for number in range(30):
        some.observe(Dialled(f"call-{number}", 0.0))
        some.observe(Failed(f"call-{number}", 20.0))
    few = LeadChances()
    few.learn(("good",), True)
    for name, state, leads in (("before", Predictive(), NOTHING), ("last", some, few)):
        save(database, clock, predictive(name=name), state, leads)
        clock.advance(60)
    new = predictive(name="new")
    taken = policy(new).state()
    assert (
        taken["lines"]["ring"]["left"]
        == Predictive.restored(some.state(), another=True).state()["lines"]["ring"]["left"]
    )
    assert taken["lines"]["ring"]["left"] != Predictive().state()["lines"]["ring"]["left"]
    good, bad = chances(new)
    assert good > bad


async def test_the_loop_saves_what_its_policies_learned(build, predictive, exchange, policy):
    campaign = predictive()
    loop = DialLoop(exchange, Leases("one"), 10.0)
    await loop.keep_leases()
    loop.policies[campaign], loop.choices[campaign] = taught(), Choice(LeadChances())
    await loop.save()
    assert policy(campaign).decide(5.0, FLOOR).dial > 15


async def test_a_campaign_that_is_gone_does_not_keep_the_others_from_being_saved(predictive, exchange, policy):
    campaign = predictive()
    loop = DialLoop(exchange, Leases("one"), 10.0)
    await loop.keep_leases()
    for one in (campaign + 100, campaign):
        loop.policies[one], loop.choices[one] = taught(), Choice(LeadChances())
    await loop.save()
    assert policy(campaign).decide(5.0, FLOOR).dial > 15


def test_a_restart_goes_on_with_the_chances_of_leads(build, database, clock, chances):
    campaign, leads = build.campaign(), taught_leads()
    save(database, clock, campaign, Progressive(), leads)
    assert chances(campaign) == leads.chances([("good",), ("bad",)]).tolist()


def test_a_new_campaign_begins_with_the_chances_of_the_clients_last_one_in_doubt(build, database, clock, chances):
    old = build.campaign(name="old")
    save(database, clock, old, Progressive(), taught_leads())
    known, (good, bad) = chances(old), chances(build.campaign(name="new"))
    assert good > bad + 0.2
    assert [good, bad] != known
    assert len(set(chances(build.campaign(name="elsewhere", client="Other")))) == 1


@pytest.mark.parametrize("leads", [{}, {"format": "leads-0"}, {"format": "leads-1", "features": {"good": [1]}}])
def test_damaged_chances_are_learned_anew_from_the_log_and_it_says_so(
    build, predictive, database, clock, policy, chances, leads
):
    campaign = predictive()
    save(database, clock, campaign, taught())
    damage(database, leads=leads)
    lead = build.lead(campaign)
    for number in range(400):
        good = number % 2 == 0
        ended = {"outcome": "answered", "disposition": "sale"} if good and number % 4 == 0 else {"outcome": "no-answer"}
        build.attempt(lead, "ended", turn="chance", traits=["good" if good else "bad"], **ended)
    with capture_logs() as logs:
        good, bad = chances(campaign)
    assert (good, bad) == (pytest.approx(0.5, abs=0.12), pytest.approx(0.05, abs=0.08))
    assert [(one["event"], "are learned anew" in one["problem"]) for one in logs] == [("lead_chances_not_used", True)]
    assert policy(campaign).decide(5.0, FLOOR).dial > 15  # what pacing had learned is none the worse


def test_of_the_log_only_what_rang_teaches(build, database, clock, chances):
    """An agent's word that it was a machine counts; a call nobody has heard of again and unknown traits do not."""
    campaign, lead = build.campaign(), None
    save(database, clock, campaign, Progressive())
    damage(database, leads={})
    lead = build.lead(campaign)
    unknown = chances(campaign)
    for number in range(20):
        build.attempt(lead, "ended", turn="chance", traits=["good"], outcome="lost")
        build.attempt(lead, "ended", traits=["good"], outcome="no-answer", id=f"manual-{number}")
    assert chances(campaign) == unknown
    for _ in range(20):
        build.attempt(lead, "ended", turn="chance", traits=["good"], outcome="answered", disposition="machine")
    assert chances(campaign)[0] < unknown[0]
