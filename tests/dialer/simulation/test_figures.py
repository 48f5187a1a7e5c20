"""What is counted, and from when on the highest drop rate."""

from collections import Counter

from dialer.simulation.figures import Figures, ListFigures, together


def counted(*lost: int) -> Figures:
    """Live answers, abandoned where the number is in `lost`."""
    figures = Figures()
    for number in range(1, 1001):
        figures.asked(live=True)
        if number in lost:
            figures.lost(live=True)
    return figures


def test_the_peak_counts_from_the_500th_answer_on_with_what_was_lost_before():
    assert counted(*range(1, 21)).peak == 20 / 500
    assert counted(600).peak == 1 / 600
    assert counted(*range(1, 6), *range(700, 731)).peak == 36 / 730


def test_a_voicemail_is_no_live_answer():
    figures = Figures()
    figures.asked(live=False)
    figures.lost(live=False)
    assert (figures.answers, figures.abandoned, figures.live, figures.live_abandoned) == (1, 1, 0, 0)
    assert figures.drop_rate == 0.0


def test_an_agent_who_did_not_wait_counts_no_wait():
    figures = Figures()
    figures.connected(60.0, None)
    figures.connected(30.0, 10.0)
    assert (figures.talking, figures.waits, figures.wait) == (90.0, 1, 10.0)


def test_campaigns_together_are_their_sum_but_drop_rates_are_the_worst_of_any():
    one, other = counted(*range(1, 21)), counted(600)
    for figures, loaded in ((one, 5), (other, 7)):
        figures.staffed, figures.talking = 3600.0, 900.0
        figures.leads = ListFigures(loaded, 2, 1, Counter({"hours": loaded}))
        figures.end_day()
    both = together([one, other])
    assert (both.live, both.live_abandoned, both.staffed, both.utilisation) == (2000, 21, 3600.0, 0.5)
    assert (both.peak, both.worst_day) == (20 / 500, 20 / 1000)
    assert both.leads == ListFigures(12, 4, 2, Counter({"hours": 12}))


def test_a_campaign_alone_is_all_there_is():
    figures = Figures()
    assert together([figures]) is figures


def test_json_tells_of_a_list_where_there_is_one():
    figures = Figures()
    assert "leads" not in figures.as_json()
    figures.leads = ListFigures(9, 3, 1, Counter({"hours": 2, "cap": 1}))
    assert figures.as_json()["leads"] == {"loaded": 9, "reached": 3, "exhausted": 1, "refused": {"cap": 1, "hours": 2}}
