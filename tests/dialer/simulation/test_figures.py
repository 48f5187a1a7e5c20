"""What is counted, and from when on the highest drop rate."""

from dialer.simulation.figures import Figures


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
