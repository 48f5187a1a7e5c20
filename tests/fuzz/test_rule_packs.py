"""Any text as a rule pack: a pack, or one line that names the file; and of a rule, the rule and the key."""

import string
import tomllib
from functools import cache
from importlib import resources

from hypothesis import given
from hypothesis import strategies as st

from compliance.packs import Pack, RuleError, read_pack
from compliance.wording import effect
from tests.fuzz.conftest import fuzzed, hostile

SHIPPED = sorted(
    (file.name, file.read_text())
    for file in resources.files("compliance").joinpath("rules").iterdir()
    if file.name.endswith(".toml") and not file.name.startswith("records_")
)
values = st.one_of(
    st.sampled_from(("[]", "{}", "inf", "-inf", "nan", "-1", "0", "true", '""', "1979-05-27", "07:32:00", "[[1]]")),
    st.integers().map(str),
    st.floats().map(repr),
    hostile.map(lambda text: '"' + "".join(f"\\U{ord(sign):08x}" for sign in text if ord(sign) < 0xD800) + '"'),
)


@cache
def lines_of(name: str) -> tuple[str, ...]:
    """A part of a pack is enough, and keeps an example to some milliseconds."""
    head, *rules = dict(SHIPPED)[name].split("\n[[")
    return tuple("\n[[".join([head, *rules[:8]]).splitlines())


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, str]:
    """A shipped pack with some lines dropped, doubled, or with another value, key or bytes in them."""
    name = draw(st.sampled_from([name for name, _text in SHIPPED]))
    lines = list(lines_of(name))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key, equals, _value = lines[at].partition(" = ")
        match draw(st.sampled_from(("drop", "double", "value", "key", "noise"))):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "value" if equals:
                lines[at] = f"{key} = {draw(values)}"
            case "key" if equals:
                lines[at] = f"{draw(st.text(string.ascii_lowercase + '_.', min_size=1))} = {_value}"
            case _:
                lines[at] = draw(st.text(max_size=20))
    return name, "\n".join(lines)


def read(name: str, text: str) -> Pack | str:
    try:
        pack = read_pack(name, text)
    except RuleError as error:
        message = str(error)
        assert message.startswith(f"{name}: ")
        assert len(message.splitlines()) == 1, message
        return message
    for rule in pack.rules:
        assert effect(rule)
    return pack


@fuzzed
@given(pack=mutated())
def test_a_changed_pack_is_a_pack_or_one_line_that_names_file_and_place(pack):
    name, text = pack
    found = read(name, text)
    if isinstance(found, str) and _is_toml(text):
        assert found.count(": ") >= 2  # file, then rule or key, then what is wrong


@fuzzed
@given(text=st.text(max_size=200))
def test_any_text_is_a_pack_or_one_line(text):
    read("x.toml", text)


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
