"""Every knob once: one frozen model, read from flags, environment, files of secrets, a TOML file, defaults."""

import os
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

CONFIG_VARIABLE = "DIALER_CONFIG"
SECRETS_VARIABLE = "DIALER_SECRETS_DIRECTORY"
DEFAULT_FILE = Path("dialer.toml")
TOKEN_CHARACTERS = 16  # of a token of one's own: what is shorter can be guessed over the network
TWILIOS_OWN = frozenset({"twilio_account_sid", "twilio_auth_token", "twilio_auth_token_previous"})


class SettingsError(Exception):
    """A setting is wrong; the message names it, where it was read and what to do."""


def _twilio(name: str) -> AliasChoices:
    return AliasChoices(name, name.upper())


def _unguessable(token: SecretStr) -> SecretStr:
    if 0 < len(token.get_secret_value()) < TOKEN_CHARACTERS:
        raise ValueError(f"shorter than {TOKEN_CHARACTERS} characters, so it can be guessed: write a longer random one")
    return token


def _networks(text: str) -> str:
    for address in filter(None, map(str.strip, text.split(","))):
        try:
            ip_network(address)
        except ValueError:
            raise ValueError(
                f"{address!r} is no address: write 127.0.0.1, or 10.0.0.0/8, with commas between"
            ) from None
    return text


def _base_of_urls(text: str) -> str:
    try:
        url = urlsplit(text)
        fit = not text or (url.scheme in ("http", "https") and url.hostname and (url.port or 1))
    except ValueError:
        fit = False
    if not fit or any(sign in text for sign in "?#@") or any(sign.isspace() for sign in text):
        raise ValueError("is no address of a server: write https://dialer.example.com, or with a path behind")
    return text


class Settings(BaseSettings):
    """The daemon's settings. Variables are `DIALER_` + the name, but for those of Twilio's account."""

    model_config = SettingsConfigDict(env_prefix="DIALER_", extra="forbid", frozen=True, populate_by_name=True)

    database_url: str = Field(
        "sqlite:///dialer.db",
        repr=False,  # it may hold a password
        description="where everything is kept, or postgresql://user@host/database; see `dialer db upgrade`",
    )
    twilio_account_sid: str = Field(
        "", validation_alias=_twilio("twilio_account_sid"), description="account at the carrier"
    )
    twilio_auth_token: SecretStr = Field(
        SecretStr(""),
        validation_alias=_twilio("twilio_auth_token"),
        description="signs our requests and the carrier's webhooks",
    )
    twilio_auth_token_previous: SecretStr = Field(
        SecretStr(""),
        validation_alias=_twilio("twilio_auth_token_previous"),
        description="a second token that webhooks may be signed with, while the first is being replaced",
    )
    twilio_base_url: str = Field("https://api.twilio.com", description="any Twilio-compatible carrier")
    public_url: Annotated[str, AfterValidator(_base_of_urls)] = Field(
        "", description="how the carrier reaches this daemon: scheme, host and path prefix"
    )
    calls_per_second: float = Field(1.0, gt=0, le=1000, description="calls started a second; what the account allows")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=1, le=65535, description="port to listen on")
    tick_seconds: float = Field(1.0, ge=0.1, le=10, description="time between two pacing decisions")
    quiet_seconds: float = Field(20.0, ge=1, description="silence about a call after which the carrier is asked")
    lost_seconds: float = Field(120.0, ge=2, description="time after which a call unknown to the carrier is lost")
    rules_directory: str = Field("", description="of further, stricter rules of your own; *.toml")
    api_token: Annotated[SecretStr, AfterValidator(_unguessable)] = Field(
        SecretStr(""), description="of control API and /metrics; when empty, new at each start"
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        "", description="addresses of TLS proxies that are believed whom they forward for, with commas between"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="lowest level logged")
    clock_offset_seconds: float = Field(0.0, description="shifts the clock; only with a carrier on loopback")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        secrets = InitSettingsSource(settings_cls, _secrets())
        return init_settings, env_settings, secrets, TomlConfigSettingsSource(settings_cls, _file())

    @property
    def carrier_on_loopback(self) -> bool:
        host = urlsplit(self.twilio_base_url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def webhook_base(self) -> str:
        """The public URL without a trailing slash; the listening address when the carrier is on this machine."""
        if self.public_url:
            return self.public_url.rstrip("/")
        return self.local_url if self.carrier_on_loopback else ""

    @property
    def local_url(self) -> str:
        """How this machine reaches the daemon; one that listens everywhere is reached on loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def _file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)


def _variable(name: str) -> str:
    return name.upper() if name in TWILIOS_OWN else f"DIALER_{name.upper()}"


def _secrets() -> dict[str, str]:
    """Settings in files of one directory, each named as its variable in either case: what systemd and Docker hand out.

    Raises SettingsError.
    """
    named = os.environ.get(SECRETS_VARIABLE)
    if not named:
        return {}
    variables = {_variable(name): name for name in Settings.model_fields}
    found: dict[str, str] = {}
    try:
        for file in Path(named).iterdir():
            if (name := variables.get(file.name.upper())) is not None:
                found[name] = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = f"{error.filename} cannot be read ({error.strerror})"
        raise SettingsError(f"{SECRETS_VARIABLE}: {reason}: correct it or the permissions") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{SECRETS_VARIABLE}: {file} is no UTF-8 text: write the value alone into it") from None
    return found


def load(**flags: Any) -> Settings:
    """Read the settings; flags that are None count as not given. Raises SettingsError with one line per fault."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named and not Path(named).is_file():
        raise SettingsError(f"{CONFIG_VARIABLE} names {named}, which is no file: correct it or unset it")
    try:
        settings = Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise SettingsError("; ".join(_fault(fault["loc"], fault["msg"]) for fault in error.errors())) from None
    except ValueError as error:  # a TOML file that is none
        raise SettingsError(f"{_file()}: {error}: correct the file") from None
    if settings.clock_offset_seconds and not settings.carrier_on_loopback:
        raise SettingsError("clock_offset_seconds: breaks calling hours: only with a carrier on loopback; set it to 0")
    return settings


def _fault(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]).lower() if location else "settings"
    if name not in Settings.model_fields:
        return f"{name}: no such setting in {_file()}: remove it"
    return f"{name}: {message.removeprefix('Value error, ')}: correct {_variable(name)} or the key in {_file()}"
