"""Campaigns without chance, for what lines learn of them."""

from collections.abc import Callable

from dialer.pacing.lines import Lines

End = Callable[[Lines, str, float], None]


def regular(calls: int, every: int, answered_after: float, end: End, ended_after: float) -> Lines:
    """A call each second; one of so many is answered, the others end in one way. Not settled yet."""
    lines = Lines()
    for number in range(calls):
        call, at = f"call-{number}", float(number)
        lines.dialled(call, at, 1.0)
        if number % every == 0:
            lines.connected(call, at + answered_after)
        else:
            end(lines, call, at + ended_after)
    return lines
