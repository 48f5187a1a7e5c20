"""Every knob once: one frozen model, read from flags, then environment, then a TOML file, then defaults."""

import os
from ipaddress import ip_address
from pathlib import Path
from socket import gethostname
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

CONFIG_VARIABLE = "DIALER_CONFIG"
DEFAULT_FILE = Path("dialer.toml")


class SettingsError(Exception):
    """A setting is wrong; the message names it, where it was read and what to do."""


def _twilio(name: str) -> AliasChoices:
    return AliasChoices(name, name.upper())


class Settings(BaseSettings):
    """The daemon's settings. Variables are `DIALER_` + the name, but for Twilio's own two."""

    model_config = SettingsConfigDict(env_prefix="DIALER_", extra="forbid", frozen=True, populate_by_name=True)

    database_url: str = Field(
        "sqlite:///dialer.db",
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
    twilio_base_url: str = Field("https://api.twilio.com", description="any Twilio-compatible carrier")
    public_url: str = Field("", description="how the carrier reaches this daemon: scheme, host and path prefix")
    calls_per_second: float = Field(1.0, gt=0, le=1000, description="calls started a second; what the account allows")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=1, le=65535, description="port to listen on")
    node_name: str = Field(
        "",
        max_length=50,
        pattern=r"^[A-Za-z0-9_.:-]*$",
        description="of this daemon among several on one PostgreSQL; when empty, host and port",
    )
    tick_seconds: float = Field(1.0, ge=0.1, le=10, description="time between two pacing decisions")
    quiet_seconds: float = Field(20.0, ge=1, description="silence about a call after which the carrier is asked")
    lost_seconds: float = Field(120.0, ge=2, description="time after which a call unknown to the carrier is lost")
    rules_directory: str = Field("", description="of further, stricter rules of your own; *.toml")
    api_token: SecretStr = Field(
        SecretStr(""), description="of control API and /metrics; when empty, new at each start"
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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _file())

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
    def node(self) -> str:
        """The node's name; one that PostgreSQL does not cut short."""
        return self.node_name or f"{gethostname()[:50]}:{self.port}"

    @property
    def local_url(self) -> str:
        """How this machine reaches the daemon; one that listens everywhere is reached on loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def _file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)


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
    variable = name.upper() if name in ("twilio_account_sid", "twilio_auth_token") else f"DIALER_{name.upper()}"
    return f"{name}: {message}: correct {variable} or the key in {_file()}"
