"""Policies by the name that is written on a command line."""

from collections.abc import Callable, Mapping

from dialer.pacing.policy import Policy
from dialer.pacing.predictive import Predictive
from dialer.pacing.progressive import Progressive
from dialer.pacing.ratio import Ratio
from dialer.simulation.peers.fixed_ratio import FixedRatio
from dialer.simulation.peers.issabel import Issabel
from dialer.simulation.peers.textbook import Textbook
from dialer.simulation.peers.vicidial import Method, Vicidial

POLICIES: Mapping[str, Callable[[], Policy]] = {
    "predictive": Predictive,
    "progressive": Progressive,
    "vicidial": Vicidial,
    "vicidial-hard-limit": lambda: Vicidial(Method.HARD_LIMIT),
    "vicidial-tapered": lambda: Vicidial(Method.TAPERED),
    "issabel": Issabel,
    "issabel-overcommit": lambda: Issabel(overcommit=True),
    "textbook": Textbook,
}
RATIOS: Mapping[str, Callable[[float], Policy]] = {"ratio": Ratio, "fixed-ratio": FixedRatio}  # name:lines for an agent
NAMES = (*POLICIES, *(f"{name}:2.0" for name in RATIOS))


def policy_named(name: str) -> Policy:
    """A fresh policy; `ratio:2.0` keeps to the budget, other dialers' `fixed-ratio:2.0` does not.

    Raises ValueError with what can be chosen.
    """
    if name in POLICIES:
        return POLICIES[name]()
    kind, colon, number = name.partition(":")
    if colon and kind in RATIOS:
        try:
            ratio = float(number)
        except ValueError:
            raise ValueError(f"policy {name!r}: write a number, as in {kind}:2.0") from None
        return RATIOS[kind](ratio)
    raise ValueError(f"unknown policy {name!r}: choose from {', '.join(NAMES)}")
