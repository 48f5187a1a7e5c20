"""Campaigns made, told and removed; leads settled after an attempt; numbers given up."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, SQLModel

from campaigns import store
from campaigns.campaign import CampaignPlan, ImpossibleVerb, State, Verb
from campaigns.dispositions import UnknownDisposition
from campaigns.store import UnknownCampaign
from campaigns.tables import Campaign
from dialer import privacy
from dialer.store import load_attempt
from tests.campaigns.stock import LAW

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)

PLAN = CampaignPlan(
    name="spring",
    kind="telemarketing",
    mode="progressive",
    client="Acme",
    contact_number="+12125550199",
    region="US",
    caller_ids=("+12125550198",),
    ring_seconds=20,
    wrap_up_seconds=30,
    drop_rate_ceiling=0.03,
    attempts_per_lead=6,
    attempts_per_day=3,
    machine_detection=True,
    dispositions=("sale", "callback"),
)


@pytest.fixture
def create(database, clock):
    def create(**changes) -> bool:
        plan = CampaignPlan(**{name: changes.get(name, getattr(PLAN, name)) for name in PLAN.__dataclass_fields__})
        return database.write(lambda session: store.create_campaign(session, plan, LAW, clock.now()))

    return create


@pytest.fixture
def say(database):
    def say(name, verb):
        def work(session: Session) -> State:
            campaign = store.say(session, name, verb)
            session.flush()
            return store.campaign_state(session, campaign)

        return database.write(work)

    return say


@pytest.fixture
def recycle(database, build):
    """Settle the lead of an attempt that has ended with a disposition."""

    def recycle(attempt_id, code, callback_at=None):
        build.change("attempt", attempt_id, state="ended", disposition=code)

        def work(session: Session) -> None:
            connection = session.connection()
            store.recycle_lead(connection, load_attempt(connection, attempt_id), code, callback_at)

        database.write(work)

    return recycle


def test_a_campaign_is_made_once_and_stands_still_until_it_is_started(create, build, clock):
    assert create()
    assert not create()
    row = build.row("campaign")
    assert (row["intent"], row["created_at"], row["dispositions"]) == ("stop", clock.now(), ["sale", "callback"])


def test_another_campaign_of_the_same_name_is_refused_with_the_difference(create):
    create()
    with pytest.raises(store.CampaignExists, match="another caller_ids, ring_seconds"):
        create(ring_seconds=25, caller_ids=("+12125550197",))


def test_every_fault_of_a_plan_is_named_and_nothing_is_kept(create, build):
    with pytest.raises(store.BadPlan) as refused:
        create(client="", ring_seconds=14, drop_rate_ceiling=0.04)
    assert all(fault in str(refused.value) for fault in ("client: missing", "ring seconds 14", "ceiling 0.04"))
    assert build.rows("campaign") == []


def test_an_unknown_campaign_is_answered_with_those_that_exist(create, database):
    with database.read() as session, pytest.raises(store.UnknownCampaign, match="none yet"):
        store.campaign_named(session, "spring")
    create()
    with (
        database.read() as session,
        pytest.raises(store.UnknownCampaign, match="there is: spring"),
    ):
        store.campaign_named(session, "sprang")


def test_a_verb_changes_what_is_wanted_and_clears_the_note(build, say):
    campaign = build.campaign(intent="pause", note="the carrier refuses: 21210")
    assert say("spring", Verb.RESUME) is State.RUNNING
    assert (build.row("campaign", id=campaign)["intent"], build.row("campaign")["note"]) == ("run", "")


def test_an_impossible_verb_names_the_campaign_and_the_remedy(build, say):
    build.campaign(intent="pause")
    with pytest.raises(ImpossibleVerb, match=r"^campaign 'spring' is paused: use resume$"):
        say("spring", Verb.START)
    assert build.row("campaign")["intent"] == "pause"


def test_a_stopped_campaign_is_stopping_while_a_call_is_on_the_line(build, say):
    attempt = build.attempt(build.lead(build.campaign()), "connected")
    assert say("spring", Verb.STOP) is State.STOPPING
    build.change("attempt", attempt, state="ended")
    assert say("spring", Verb.STOP) is State.STOPPED


def test_a_deleted_campaign_keeps_only_what_was_dialled(build, database):
    """Caps count those attempts, and the law wants them longer than the campaign."""
    gone, stays = build.campaign(intent="stop"), build.campaign("autumn")
    for campaign in (gone, stays):
        build.attempt(build.lead(campaign), "ended")
        build.lead(campaign)
    database.write(lambda session: store.delete_campaign(session, "spring", NOON))
    assert [row["campaign_id"] for row in build.rows("lead")] == [gone, stays, stays]
    assert [row["campaign_id"] for row in build.rows("phone")] == [gone, stays, stays]
    assert build.row("lead", campaign_id=gone)["standing"] == "finished"
    assert len(build.rows("attempt")) == 2


def test_a_deleted_campaign_is_not_seen_and_its_name_is_free(build, database):
    first = build.campaign(intent="stop")
    database.write(lambda session: store.delete_campaign(session, "spring", NOON))
    with database.read() as session:
        assert store.campaigns_wanted(session) == []
        with pytest.raises(UnknownCampaign, match="none yet"):
            store.campaign_named(session, "spring")
    assert build.campaign() != first


def test_a_deleted_campaign_goes_when_nothing_of_it_counts_any_more(build, database):
    tried, counted, _fresh = (build.campaign(name, intent="stop") for name in ("tried", "counted", "fresh"))
    attempt = build.attempt(build.lead(tried), "ended")
    build.add("call_count", {"campaign_id": counted, "hour": NOON})
    for name in ("tried", "counted", "fresh"):
        database.write(lambda session, name=name: store.delete_campaign(session, name, NOON))
    assert database.write(lambda session: store.forget_campaigns(session, NOON)) == 1
    assert [row["id"] for row in build.rows("campaign")] == [tried, counted]
    database.write(lambda session: privacy.forget_attempts(session, [attempt]) and None)
    later = NOON + timedelta(days=63)
    assert database.write(lambda session: store.forget_campaigns(session, later)) == 2
    assert [build.rows(table) for table in ("campaign", "lead", "phone", "lead_list", "call_count")] == [[]] * 5


@pytest.mark.parametrize(("intent", "state"), [("run", "ended"), ("pause", "ended"), ("stop", "unknown")])
def test_a_campaign_that_may_still_call_is_not_deleted(build, database, intent, state):
    build.attempt(build.lead(build.campaign(intent=intent)), state)
    with pytest.raises(ImpossibleVerb, match=r"^campaign 'spring' "):
        database.write(lambda session: store.delete_campaign(session, "spring", NOON))
    assert len(build.rows("attempt")) == 1


def test_a_lead_nobody_answered_comes_up_again_after_its_wait(build, recycle, clock):
    lead = build.lead(build.campaign())
    recycle(build.attempt(lead), "no-answer")
    row = build.row("lead", id=lead)
    assert (row["standing"], row["priority"], row["due_at"]) == ("open", 1, clock.now() + timedelta(hours=4))
    assert (row["disposition"], row["attempts"], build.row("phone")["attempts"]) == ("no-answer", 1, 1)


def test_each_further_try_of_a_busy_line_has_its_own_wait(build, recycle):
    lead = build.lead(build.campaign())
    waits = []
    for _ in range(5):
        attempt = build.attempt(lead)
        recycle(attempt, "busy")
        waits.append((build.row("lead")["due_at"] - build.row("attempt", id=attempt)["placing_at"]).total_seconds())
    assert waits == [900, 900, 900, 14400, 14400]


def test_a_lead_is_finished_when_its_attempts_are_used_up(build, recycle):
    lead = build.lead(build.campaign(attempts_per_lead=2))
    recycle(build.attempt(lead), "busy")
    assert build.row("lead")["standing"] == "open"
    recycle(build.attempt(lead), "no-answer")
    assert build.row("lead")["standing"] == "finished"


def test_a_call_that_never_was_uses_no_try(build, recycle):
    lead = build.lead(build.campaign(attempts_per_lead=1))
    for _ in range(3):
        recycle(build.attempt(lead), "not-placed")
    row = build.row("lead")
    assert (row["standing"], row["attempts"], build.row("phone")["attempts"]) == ("open", 0, 0)


def test_a_final_disposition_finishes_the_lead(build, recycle):
    recycle(build.attempt(build.lead(build.campaign())), "sale")
    assert (build.row("lead")["standing"], build.row("lead")["disposition"]) == ("finished", "sale")


def test_a_promised_time_comes_before_everything_else(build, recycle, clock):
    promised = clock.now() + timedelta(hours=2)
    recycle(build.attempt(build.lead(build.campaign())), "callback", promised)
    assert (build.row("lead")["due_at"], build.row("lead")["priority"]) == (promised, 0)


def test_a_wrong_number_is_given_up_and_the_lead_goes_on_with_the_next(build, recycle, clock):
    lead = build.lead(build.campaign(), "+12125550101", "+12125550102")
    recycle(build.attempt(lead), "wrong-number")
    assert [phone["retired"] for phone in build.rows("phone")] == ["wrong-number", None]
    assert (build.row("lead")["standing"], build.row("lead")["due_at"]) == ("open", clock.now())


def test_a_lead_without_another_number_is_finished_with_it(build, recycle):
    recycle(build.attempt(build.lead(build.campaign())), "wrong-number")
    assert (build.row("lead")["standing"], build.row("phone")["retired"]) == ("finished", "wrong-number")


def retire(database, number, scope=None):
    database.write(lambda session: store.retire_numbers(session.connection(), [number], scope, "do-not-call"))


def test_a_number_given_up_everywhere_finishes_the_leads_that_have_no_other(build, database):
    one, two = build.campaign(), build.campaign("autumn")
    alone = build.lead(one, "+12125550101")
    richer = build.lead(two, "+12125550101", "+12125550102")
    stranger = build.lead(one, "+12125550103")
    retire(database, "+12125550101")
    standing = {row["id"]: (row["standing"], row["held_reason"]) for row in build.rows("lead")}
    assert standing == {alone: ("finished", "do-not-call"), richer: ("open", None), stranger: ("open", None)}


def test_a_number_given_up_in_one_campaign_stays_in_the_others(build, database):
    one, two = build.campaign(), build.campaign("autumn")
    for campaign in (one, two):
        build.lead(campaign, "+12125550101")
    retire(database, "+12125550101", one)
    assert [row["standing"] for row in build.rows("lead")] == ["finished", "open"]


def test_a_lead_on_the_line_is_settled_by_its_own_attempt(build, database, recycle):
    lead = build.lead(build.campaign(), "+12125550101")
    attempt = build.attempt(lead)
    retire(database, "+12125550101")
    assert build.row("lead")["standing"] == "dialling"
    recycle(attempt, "no-answer")
    assert build.row("lead")["standing"] == "finished"


def test_a_number_already_given_up_keeps_its_reason(build, database):
    build.lead(build.campaign(), "+12125550101")
    build.change("phone", build.row("phone")["id"], retired="fax")
    retire(database, "+12125550101")
    assert (build.row("phone")["retired"], build.row("lead")["standing"]) == ("fax", "open")


def test_campaigns_come_by_name(build, database):
    for name in ("spring", "autumn"):
        build.campaign(name)
    with database.read() as session:
        assert [campaign.name for campaign in store.campaigns_wanted(session)] == ["autumn", "spring"]


def test_agents_may_give_only_the_campaigns_own_dispositions():
    campaign = Campaign(dispositions=["sale"])
    assert store.disposition_allowed(campaign, "sale")
    assert not store.disposition_allowed(campaign, "callback")
    with pytest.raises(UnknownDisposition):
        store.disposition_allowed(campaign, "salad")


def test_whatever_refers_to_what_is_deleted_is_found_by_an_index():
    """The database looks for it at each deletion: without, at every attempt for each phone of a campaign."""
    refers = [
        (table, key.parent)
        for table in SQLModel.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name in ("lead", "phone", "lead_list")
    ]
    assert len(refers) >= 5
    for table, column in refers:
        assert any(next(iter(index.columns)) is column for index in table.indexes), f"{table.name}.{column.name}"
