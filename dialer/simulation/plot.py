"""Utilisation and duration against the number of agents, as SVG text."""

from collections.abc import Sequence
from math import ceil, floor, log10
from xml.sax.saxutils import escape

WIDTH, PANEL = 640, 220  # pixels: of the picture, and the height of each panel's axes
LEFT, RIGHT, TOP, GAP, BOTTOM = 76, 24, 56, 44, 56
INK, GRID, BUSY, HOURS = "#222222", "#dddddd", "#1f6fb2", "#c2571a"
HALO = ' stroke="white" stroke-width="4" paint-order="stroke"'  # keeps a number readable across its curve

Point = tuple[int, float]


def plotted(title: str, busy: Sequence[Point], hours: Sequence[Point]) -> str:
    """`busy`: (agents, utilisation 0 to 1); `hours`: (agents, hours until done), fewer where nothing was dialled."""
    agents = sorted({count for count, _ in (*busy, *hours)})
    low, high = (agents[0] - 1, agents[-1] + 1) if len(agents) > 1 else (0, 2 * agents[0])
    height = TOP + 2 * PANEL + GAP + BOTTOM
    below = TOP + PANEL + GAP
    across = _Scale(low, high, LEFT, WIDTH - RIGHT)
    percent = [(count, 100 * share) for count, share in busy]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="30" font-size="16">{escape(title)}</text>',
        *_panel(TOP, "agents busy (%)", percent, BUSY, across, 100),
        *_panel(below, "time until done (hours)", hours, HOURS, across, None),
        *(_text(across(count), below + PANEL + 20, str(count), "middle") for count in _apart(agents, across)),
        _text((LEFT + WIDTH - RIGHT) / 2, height - 14, "agents", "middle"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """A value's place in pixels."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self.low, self.begin, self.pixels = low, begin, (end - begin) / (high - low)

    def __call__(self, value: float) -> float:
        return round(self.begin + (value - self.low) * self.pixels, 1)


def _panel(
    top: float, label: str, points: Sequence[Point], colour: str, across: _Scale, most: float | None
) -> list[str]:
    values = [value for _, value in points]
    step = _step((most or max(values, default=0.0) or 1.0) / 5)
    highest = most or step * max(1, ceil(max(values, default=0.0) / step))
    up = _Scale(0, highest, top + PANEL, top)
    middle = top + PANEL / 2
    drawn = [
        f'<text transform="translate(22 {middle:g}) rotate(-90)" text-anchor="middle">{escape(label)}</text>',
    ]
    for number in range(floor(highest / step + 1e-9) + 1):
        y = up(number * step)
        drawn.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{GRID}"/>')
        drawn.append(_text(LEFT - 8, y + 4, f"{number * step:,.10g}", "end"))
    drawn.append(f'<line x1="{LEFT}" y1="{top}" x2="{LEFT}" y2="{top + PANEL}" stroke="{INK}"/>')
    drawn.append(f'<line x1="{LEFT}" y1="{top + PANEL}" x2="{WIDTH - RIGHT}" y2="{top + PANEL}" stroke="{INK}"/>')
    places = [(across(count), up(value), value) for count, value in points]
    line = " ".join(f"{x},{y}" for x, y, _ in places)
    drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for place, (x, y, value) in enumerate(places):
        drawn.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')
        if place == 0 or x - places[place - 1][0] >= 34:  # numbers need that much
            over = y - 10 if y - top > 22 else y + 20
            drawn.append(_text(x, over, f"{value:,.1f}" if value < 100 else f"{value:,.0f}", "middle", HALO))
    return drawn


def _text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def _step(about: float) -> float:
    """1, 2 or 5 times a power of ten, not below."""
    power: float = 10.0 ** floor(log10(about))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= about * (1 - 1e-9))


def _apart(agents: Sequence[int], across: _Scale) -> list[int]:
    """Those with room for their number below the axis."""
    kept: list[int] = []
    for count in agents:
        if not kept or across(count) - across(kept[-1]) >= 28:
            kept.append(count)
    return kept
