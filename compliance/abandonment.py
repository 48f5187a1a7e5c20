"""The drop-rate budget: how many live answers may still be lost before the ceiling is broken."""

from compliance.facts import DropCount


def allowance(count: DropCount) -> float:
    """Abandoned calls that the live answers so far still allow: ceiling x live answers - abandoned; negative when over.

    Rounded to a billionth, so that 29 of 100 answers at 0.29 leave 0 and not a float's remainder.
    """
    return round(count.ceiling * count.live_answers - count.abandoned, 9)


def used_up(count: DropCount) -> bool:
    """Whether one more abandoned call would break the ceiling over the answers so far.

    True for a campaign's first calls (at 3 % until the 34th live answer): it starts one to one, each call with an
    agent reserved, and so never has to hope that the rate comes right later.
    """
    return allowance(count) < 1
