"""Log set-up: readable lines on a terminal, one JSON object a line otherwise; phone numbers masked in both."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from config.visible import visible

LONGEST = 4000  # characters of one value; an error's trace is kept to its end
NUMBER = re.compile(r"(?:\+|%2B)\d{4,15}", re.IGNORECASE)  # plain, or in a URL
MASKED_KEYS = frozenset({"number", "to", "from", "caller_id", "address"})


def mask(number: str) -> str:
    """`+12125550123` -> `+121*****23`: enough to recognise, not enough to call."""
    return f"{number[:4]}{'*' * max(0, len(number) - 6)}{number[-2:]}" if len(number) > 6 else "*" * len(number)


def _mask_numbers(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = mask(value) if key in MASKED_KEYS else NUMBER.sub(lambda found: mask(found.group()), value)
    return event


def _one_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Nothing in a value can look like another line or steer a terminal; a trace keeps its lines."""
    for key, value in event.items():
        if not isinstance(value, str):
            continue
        if key == "exception":
            event[key] = "\n".join(map(visible, value.splitlines()))
        else:
            cut = value if len(value) <= LONGEST else f"{value[:LONGEST]} … {len(value) - LONGEST} characters more"
            event[key] = visible(cut)
    return event


def set_up(level: str) -> None:
    """Configure structlog and the libraries' own logging for this process.

    Logs go to standard error, data belongs to standard output.
    """
    terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_numbers,
        _one_line,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of whatever anybody sends that is no HTTP
