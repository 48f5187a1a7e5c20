"""Logs: no whole phone number in them, and JSON wherever nobody watches."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr

import pytest
import structlog

from config.logging import LONGEST, mask, set_up

NUMBER = "+12125550123"
MASKED = "+121******23"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """Whatever a test sets up, the next one starts afresh."""
    scheduler = logging.getLogger("apscheduler")
    level = scheduler.level
    root, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    yield
    scheduler.setLevel(level)
    root.handlers[:] = handlers
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def logged(event: str, stream: io.StringIO, *, level: str = "info", **values: object) -> str:
    with redirect_stderr(stream):
        set_up(level)
        structlog.get_logger().info(event, **values)
    return stream.getvalue()


def record(event: str = "dialled", **values: object) -> dict[str, object]:
    return json.loads(logged(event, io.StringIO(), **values))


@pytest.mark.parametrize(
    ("number", "masked"),
    [(NUMBER, MASKED), ("+442079460000", "+442*******00"), ("client:anna", "clie*****na"), ("112", "***"), ("", "")],
)
def test_a_masked_number_can_be_recognised_but_not_called(number, masked):
    assert mask(number) == masked


@pytest.mark.parametrize("key", ["number", "to", "from", "caller_id", "address"])
def test_what_is_a_number_by_its_key_is_masked(key):
    assert record(**{key: "2125550123"})[key] == "2125****23"


def test_a_number_inside_any_text_is_masked():
    seen = record(f"no call to {NUMBER}", error=f"21211: {NUMBER} is not valid, nor is +61491570156.", attempt_id="a1")
    assert seen["event"] == f"no call to {MASKED}"
    assert seen["error"] == f"21211: {MASKED} is not valid, nor is +614******56."
    assert seen["attempt_id"] == "a1"


def test_a_number_in_a_url_is_masked():
    seen = record(error="Max retries exceeded with url: /Calls.json?To=%2B12125550123&PageSize=50")
    assert "2125550123" not in str(seen["error"])
    assert str(seen["error"]).endswith("&PageSize=50")


def test_a_number_in_a_traceback_is_masked():
    stream = io.StringIO()
    with redirect_stderr(stream):
        set_up("info")
        try:
            raise ValueError(f"cannot read {NUMBER}")
        except ValueError:
            structlog.get_logger().exception("failed")
    assert f"cannot read {MASKED}" in json.loads(stream.getvalue())["exception"]


def test_a_number_bound_to_the_context_is_masked():
    structlog.contextvars.bind_contextvars(called=NUMBER)
    assert record()["called"] == MASKED


def test_off_a_terminal_each_line_is_one_json_object_with_level_and_utc_time():
    line = logged("dialled", io.StringIO(), lines=3)
    assert line.count("\n") == 1
    seen = json.loads(line)
    assert (seen["event"], seen["lines"], seen["level"]) == ("dialled", 3, "info")
    assert seen["timestamp"].endswith("Z")


def test_on_a_terminal_lines_are_for_people_and_masked_as_well():
    line = logged("dialled", Terminal(), number=NUMBER)
    assert "dialled" in line
    assert MASKED in line
    with pytest.raises(json.JSONDecodeError):
        json.loads(line)


def test_below_the_level_nothing_is_written():
    assert logged("dialled", io.StringIO(), level="warning") == ""


def test_what_a_library_logs_is_one_masked_line_as_ours():
    """An error of the web server or the database would else print the numbers it was about."""
    stream = io.StringIO()
    with redirect_stderr(stream):
        set_up("info")
        try:
            raise ValueError(f"cannot bind {NUMBER}\nlevel=error forged")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in %s", "ASGI application")
    seen = json.loads(stream.getvalue())
    assert (seen["event"], seen["level"]) == ("Exception in ASGI application", "error")
    assert f"cannot bind {MASKED}" in seen["exception"]


def test_requests_that_are_no_http_are_not_logged():
    """Anybody can send them, as many as he likes."""
    stream = io.StringIO()
    with redirect_stderr(stream):
        set_up("info")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    assert stream.getvalue() == ""


def test_a_value_without_end_is_cut():
    seen = str(record(problem="x" * 100_000)["problem"])
    assert len(seen) < LONGEST + 100
    assert seen.endswith(f"… {100_000 - LONGEST} characters more")
