"""Is a webhook really from the carrier? Judged against the configured public URL, never the one the request claims."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

MAX_FIELDS = 200


class MultiDict(dict[str, list[str]]):
    """Form parameters as the SDK's validator wants repeated ones: by `getlist`."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


class Signatures:
    """Checks signatures made with any of the auth tokens over URLs under one public base."""

    def __init__(self, auth_tokens: Sequence[str], webhook_base: str) -> None:
        """Raises ValueError for an empty token: anybody could sign with it."""
        if not all(auth_tokens):
            raise ValueError("an empty token signs nothing")
        self._validators = [RequestValidator(token) for token in auth_tokens]
        self._base = webhook_base

    def genuine(self, path: str, form: Sequence[tuple[str, str]], signature: str | None) -> bool:
        """Whether `signature` fits the raw path and query and the form; a missing one does not."""
        if not signature:
            return False
        parameters = MultiDict()
        for name, value in form:
            parameters.setdefault(name, []).append(value)
        url = f"{self._base}{path}"
        return any(validator.validate(url, parameters, signature) for validator in self._validators)


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """The form with blanks kept, for they are signed too; one of more fields than the carrier sends is empty."""
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return []


def first_values(form: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """By name, the first of each; NUL, which no PostgreSQL text can hold, is replaced."""
    return {name.replace("\0", "\ufffd"): value.replace("\0", "\ufffd") for name, value in reversed(form)}
