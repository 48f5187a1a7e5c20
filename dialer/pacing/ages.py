"""Ages of ring and delays of detection in bins, and what follows from their bins alone."""

import numpy as np

from dialer.pacing.grid import SECONDS, Array

RING_AGES = tuple(float(second) for second in range(91))
DELAYS = 24  # half seconds from pick-up to the verdict of machine detection; the first is for none at all
SHARE_WEIGHT = 4.0  # pick-ups' worth of trust, at each age, in the share of all


def human_shares(humans: list[float], machines: list[float]) -> Array:
    """Of humans, for each bin with its neighbours, drawn to the share of all."""
    near, others = (np.convolve(sums, NEIGHBOURS, "same") for sums in (humans, machines))
    overall = (sum(humans) + 1) / (sum(humans) + sum(machines) + 2)
    share: Array = (near + SHARE_WEIGHT * overall) / (near + others + SHARE_WEIGHT)
    return share


# The ring ages in each second to come, rows by age
AHEAD = np.minimum(np.arange(len(RING_AGES))[:, None] + np.arange(SECONDS), len(RING_AGES) - 1)
NEIGHBOURS, AROUND = np.array([1.0, 2.0, 1.0]) / 4, np.ones(5)  # weights of the bins about each one
# By how many whole seconds a delay of so many half seconds puts off a moment somewhere in a second
WHOLE, SECOND_HALF = np.divmod(np.maximum(np.arange(DELAYS) - 1, 0), 2)
STAYS = np.where(np.arange(DELAYS) == 0, 1.0, np.where(SECOND_HALF == 0, 0.75, 0.25))[:, None]
PUT_OFF = STAYS * np.eye(SECONDS)[WHOLE] + (1 - STAYS) * np.eye(SECONDS)[WHOLE + 1]
# In which second from now it ends, when so many half seconds more are left
WITHIN = np.eye(SECONDS)[np.arange(DELAYS) // 2]
# The half seconds that a delay may still have when so many have passed
STILL = np.arange(DELAYS)[:, None] + 1 + np.arange(DELAYS)
