"""What the emulator refuses, in Twilio's own words: an HTTP code, an error code, a sentence."""

from typing import Any


class ApiError(Exception):
    """A request is refused. `code` is from Twilio's error dictionary."""

    def __init__(self, http: int, code: int, message: str) -> None:
        super().__init__(message)
        self.http = http
        self.code = code
        self.message = message

    def body(self) -> dict[str, Any]:
        """The JSON that Twilio's clients turn into TwilioRestException."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.http,
        }


class TwimlError(Exception):
    """A document cannot be carried out."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class WebhookFailed(Exception):
    """The application gave no usable answer. `code`: 11200 for HTTP trouble, 11205 for a connection that failed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def not_found(path: str) -> ApiError:
    return ApiError(404, 20404, f"The requested resource {path} was not found")


def invalid(name: str, value: str, expected: str) -> ApiError:
    return ApiError(400, 20001, f"Invalid {name} {value!r}: {expected}")
