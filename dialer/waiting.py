"""How long who has answered may wait for an agent to become free."""

AGENT_AWAITED = 0.5  # of the law's limit; the rest is for the carrier's way to us and to the agent


def longest_wait(connect_seconds: float) -> float:
    """Seconds, where the law wants an agent within so many of the answer."""
    return AGENT_AWAITED * connect_seconds


def left_to_wait(waited: float, connect_seconds: float) -> float:
    """Seconds. None are left where the clock has been set back since the answer."""
    return max(0.0, longest_wait(connect_seconds) - waited) if waited >= 0 else 0.0
