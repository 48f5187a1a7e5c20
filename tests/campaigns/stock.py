"""The law that plans of campaigns are held against."""

from compliance.rulebook import Limits

LAW = Limits(
    ceiling=0.03,
    connect_seconds=2,
    ring_seconds_minimum=15,
    ring_seconds_maximum=None,
    give_up_seconds=15,
    drop_rates=(),
)
