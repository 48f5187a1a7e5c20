"""Settings: where they come from, what is refused, and the reference file that shows them all."""

import ast
import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from config import Settings, SettingsError, load

DIALER = Path(str(resources.files("dialer")))
LOOPBACK = "http://127.0.0.1:4010"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to start in, and no variables of the dialer's."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DIALER_{name.upper()}", raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("DIALER_CONFIG", raising=False)
    monkeypatch.delenv("DIALER_SECRETS_DIRECTORY", raising=False)
    return tmp_path


def write(text: str, name: str = "dialer.toml") -> Path:
    file = Path(name)
    file.write_text(text)
    return file


def fault(**flags: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**flags)
    message = str(caught.value)
    assert "\n" not in message
    return message


class TestSources:
    def test_without_any_the_defaults_hold(self):
        settings = load()
        assert (settings.database_url, settings.port, settings.calls_per_second) == ("sqlite:///dialer.db", 8080, 1.0)

    def test_a_flag_beats_a_variable_beats_the_file(self, monkeypatch):
        write("host = '192.0.2.1'\nport = 8001\ntick_seconds = 3")
        monkeypatch.setenv("DIALER_PORT", "8002")
        monkeypatch.setenv("DIALER_CALLS_PER_SECOND", "5")
        settings = load(calls_per_second=7.5)
        assert (settings.host, settings.tick_seconds) == ("192.0.2.1", 3)
        assert (settings.port, settings.calls_per_second) == (8002, 7.5)

    def test_a_flag_that_is_not_given_overrides_nothing(self):
        write("port = 8001")
        assert load(port=None).port == 8001

    def test_twilios_own_names_are_read_and_beat_the_file(self, monkeypatch):
        write("twilio_account_sid = 'ACfile'\ntwilio_auth_token = 'file'")
        assert load().twilio_account_sid == "ACfile"
        monkeypatch.setenv("TWILIO_ACCOUNT_SID", "ACenv")
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
        settings = load()
        assert (settings.twilio_account_sid, settings.twilio_auth_token) == ("ACenv", SecretStr("secret"))
        assert load(twilio_account_sid="ACflag").twilio_account_sid == "ACflag"

    def test_the_file_may_lie_anywhere(self, monkeypatch):
        write("port = 8001")
        monkeypatch.setenv("DIALER_CONFIG", str(write("port = 8003", "other.toml")))
        assert load().port == 8003

    def test_other_variables_of_the_prefix_are_none_of_our_business(self, monkeypatch):
        monkeypatch.setenv("DIALER_SOMETHING", "1")
        assert load().port == 8080

    def test_settings_do_not_change_while_running(self):
        with pytest.raises(ValidationError):
            load().port = 1


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("port", "0"),
            ("port", "http"),
            ("calls_per_second", "0"),
            ("tick_seconds", "60"),
            ("quiet_seconds", "0"),
            ("lost_seconds", "1"),
            ("log_level", "loud"),
            ("clock_offset_seconds", "tomorrow"),
        ],
    )
    def test_a_wrong_value_is_named_with_its_variable_and_the_file(self, monkeypatch, name, value):
        monkeypatch.setenv(f"DIALER_{name.upper()}", value)
        message = fault()
        assert message.startswith(f"{name}: ")
        assert message.endswith(f": correct DIALER_{name.upper()} or the key in dialer.toml")

    def test_every_wrong_value_is_named(self):
        message = fault(port=0, tick_seconds=0)
        assert "port: " in message
        assert "tick_seconds: " in message

    def test_a_wrong_twilio_value_is_named_by_twilios_variable(self):
        write("twilio_account_sid = 5")
        assert "correct TWILIO_ACCOUNT_SID or" in fault()

    def test_an_unknown_key_in_the_file(self):
        write("prot = 8001")
        assert fault() == "prot: no such setting in dialer.toml: remove it"

    @pytest.mark.parametrize("content", [b"port =", b"\xff\xfe\x00", b"port = 1\nport = 2"])
    def test_a_file_that_is_no_toml(self, content):
        Path("dialer.toml").write_bytes(content)
        message = fault()
        assert message.startswith("dialer.toml: ")
        assert message.endswith(": correct the file")

    @pytest.mark.parametrize("name", ["nowhere.toml", "."])
    def test_a_named_file_that_is_not_there(self, monkeypatch, name):
        monkeypatch.setenv("DIALER_CONFIG", name)
        assert fault() == f"DIALER_CONFIG names {name}, which is no file: correct it or unset it"

    @pytest.mark.parametrize("flags", [{}, {"twilio_base_url": "https://carrier.example"}])
    def test_the_clock_is_not_shifted_for_a_carrier_that_reaches_people(self, flags):
        message = fault(clock_offset_seconds=3600, **flags)
        assert message.startswith("clock_offset_seconds: ")
        assert message.endswith("set it to 0")

    def test_the_clock_may_be_shifted_on_loopback(self):
        assert load(clock_offset_seconds=3600, twilio_base_url=LOOPBACK).clock_offset_seconds == 3600


def test_the_token_is_never_shown():
    settings = load(twilio_auth_token="hush-hush")
    assert settings.twilio_auth_token.get_secret_value() == "hush-hush"
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hush" not in shown
    assert "hush" not in fault(twilio_auth_token="hush-hush", port=0)


@pytest.mark.parametrize(
    ("base_url", "on_loopback"),
    [
        (LOOPBACK, True),
        ("http://localhost:4010", True),
        ("http://[::1]:4010", True),
        ("https://api.twilio.com", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
        ("nonsense", False),
    ],
)
def test_only_this_machine_is_loopback(base_url, on_loopback):
    assert load(twilio_base_url=base_url).carrier_on_loopback is on_loopback


@pytest.mark.parametrize(
    ("flags", "base"),
    [
        ({"public_url": "https://dialer.example/prefix/"}, "https://dialer.example/prefix"),
        ({"twilio_base_url": LOOPBACK, "port": 8001}, "http://127.0.0.1:8001"),
        ({"twilio_base_url": LOOPBACK, "public_url": "https://dialer.example"}, "https://dialer.example"),
        ({"twilio_base_url": LOOPBACK, "host": "0.0.0.0"}, "http://127.0.0.1:8080"),
        ({"twilio_base_url": LOOPBACK, "host": "::"}, "http://[::1]:8080"),
        ({"twilio_base_url": LOOPBACK, "host": "192.0.2.1"}, "http://192.0.2.1:8080"),
        ({}, ""),
    ],
)
def test_where_the_carrier_finds_the_daemon(flags, base):
    assert load(**flags).webhook_base == base


def reference() -> str:
    return resources.files("config").joinpath("dialer.toml").read_text()


def test_the_reference_file_shows_every_setting_at_its_default_with_its_help():
    keys = re.findall(r"^# (.+)\n#(\w+) = (.+)$", reference(), re.MULTILINE)
    shown = {name: (tomllib.loads(f"value = {value}")["value"], text) for text, name, value in keys}
    declared = {name: (field.get_default(), field.description) for name, field in Settings.model_fields.items()}
    for secret in ("twilio_auth_token", "twilio_auth_token_previous", "api_token"):
        declared[secret] = ("", declared[secret][1])
    assert shown == declared
    assert list(shown) == list(declared)


def test_the_reference_file_sets_nothing_and_can_be_uncommented():
    assert tomllib.loads(reference()) == {}
    write(re.sub(r"^#(\w+ = )", r"\1", reference(), flags=re.MULTILINE))
    assert load() == Settings()


def test_every_setting_is_used():
    """A setting that nothing in the dialer reads is a promise not kept."""
    read_through = {"public_url": "webhook_base"}
    assert {read_through.get(name, name) for name in Settings.model_fields} <= used_attributes(DIALER)


def used_attributes(package: Path) -> set[str]:
    """Names read as `settings.name`."""
    return {
        node.attr
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings"
    }


class TestSecretFiles:
    @pytest.fixture
    def folder(self, elsewhere, monkeypatch):
        folder = elsewhere / "secrets"
        folder.mkdir()
        monkeypatch.setenv("DIALER_SECRETS_DIRECTORY", str(folder))
        return folder

    @pytest.mark.parametrize("name", ["TWILIO_AUTH_TOKEN", "twilio_auth_token"])
    def test_a_file_named_as_the_variable_holds_the_value(self, folder, name):
        (folder / name).write_text("of-the-file\n")
        assert load().twilio_auth_token == SecretStr("of-the-file")

    def test_a_file_beats_the_toml_file_and_a_variable_beats_both(self, folder, monkeypatch):
        write("api_token = 'a-token-of-the-toml'\nport = 8001")
        (folder / "dialer_api_token").write_text("a-token-of-its-file")
        assert (load().api_token.get_secret_value(), load().port) == ("a-token-of-its-file", 8001)
        monkeypatch.setenv("DIALER_API_TOKEN", "a-token-of-the-environment")
        assert load().api_token.get_secret_value() == "a-token-of-the-environment"

    def test_what_else_lies_there_is_none_of_our_business(self, folder):
        (folder / "other").write_bytes(b"\xff")
        (folder / "..data").mkdir()
        assert load().port == 8080

    def test_a_folder_or_file_that_cannot_be_read_is_named_without_its_content(self, folder, monkeypatch):
        (folder / "twilio_auth_token").write_bytes(b"hush\xffhush")
        message = fault()
        assert message.startswith(f"DIALER_SECRETS_DIRECTORY: {folder}/twilio_auth_token is no UTF-8 text")
        assert "hush" not in message
        (folder / "twilio_auth_token").unlink()
        (folder / "twilio_auth_token").mkdir()
        assert f"{folder}/twilio_auth_token cannot be read" in fault()
        monkeypatch.setenv("DIALER_SECRETS_DIRECTORY", str(folder / "nowhere"))
        assert f"{folder}/nowhere cannot be read (No such file or directory)" in fault()


SECRETS = ("twilio_auth_token", "twilio_auth_token_previous", "api_token")


@given(secret=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=16).map(lambda text: f"hush{text}hush"))
def test_no_secret_stands_in_any_text_about_the_settings(secret):
    settings = load(**dict.fromkeys(SECRETS, secret), database_url=f"postgresql://dialer:{secret}@host/dialer")
    for shown in (repr(settings), str(settings), fault(**dict.fromkeys(SECRETS, secret), port=0)):
        assert "hush" not in shown


def test_a_token_that_can_be_guessed_is_refused_without_being_shown():
    message = fault(api_token="hush-hush")
    assert message.startswith("api_token: shorter than 16 characters")
    assert "hush" not in message


@pytest.mark.parametrize(
    "url",
    [
        "dialer.example",
        "ftp://dialer.example",
        "https://",
        "https://d.example?a=1",
        "https://d.example/#x",
        "https:// d",
        "https://user:word@d.example",
        "https://d.example:port",
        "https://[::1",
    ],
)
def test_a_public_url_that_the_carrier_could_not_call_is_refused(url):
    assert fault(public_url=url).startswith("public_url: is no address of a server")


@pytest.mark.parametrize("proxies", ["", "127.0.0.1", "10.0.0.0/8, ::1", "2001:db8::/32"])
def test_proxies_are_addresses_or_networks(proxies):
    assert load(trusted_proxies=proxies).trusted_proxies == proxies


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.1/8", "127.0.0.1;::1"])
def test_nobody_is_trusted_by_mistake(proxies):
    assert "trusted_proxies: " in fault(trusted_proxies=proxies)
