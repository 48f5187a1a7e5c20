"""Text from outside, fit for a line of a log or of a terminal: what cannot be seen is written out."""

import re

# By str.isprintable: controls, escapes, line ends, marks that turn the direction of writing, lone surrogates.
_PLAIN = re.compile(r"[\x20-\x7e]*")


def visible(text: str) -> str:
    """`a\\x1b[2J` with a backslash instead of the escape; printable text, of any script, as it stands."""
    if _PLAIN.fullmatch(text) or text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
