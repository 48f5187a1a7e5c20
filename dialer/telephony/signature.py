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
    """Checks signatures made with one auth token over URLs under one public base."""

    def __init__(self, auth_token: str, webhook_base: str) -> None:
        self._validator = RequestValidator(auth_token)
        self._base = webhook_base

    def genuine(self, path: str, form: Sequence[tuple[str, str]], signature: str | None) -> bool:
        """Whether `signature` fits the raw path and query and the form; a missing one does not."""
        if not signature:
            return False
        parameters = MultiDict()
        for name, value in form:
            parameters.setdefault(name, []).append(value)
        return bool(self._validator.validate(f"{self._base}{path}", parameters, signature))


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """The form with blanks kept, for they are signed too; one of more fields than the carrier sends is empty."""
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return []


def first_values(form: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    return dict(reversed(form))
