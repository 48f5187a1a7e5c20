"""How far an entry of our own do-not-call list reaches: `*`, `client:NAME` or `campaign:NAME`."""

EVERYWHERE = "*"
CLIENT, CAMPAIGN = "client:", "campaign:"


class UnknownScope(ValueError):
    """A scope that no call would ever meet: the entry would forbid nothing."""


def of_client(name: str) -> str:
    """The scope of every campaign that calls for this client."""
    return checked(CLIENT + name)


def of_campaign(name: str) -> str:
    """The scope of one campaign."""
    return checked(CAMPAIGN + name)


def checked(scope: str) -> str:
    """The scope itself. Raises UnknownScope unless it is one of the three forms."""
    if scope == EVERYWHERE or any(scope.startswith(form) and scope != form for form in (CLIENT, CAMPAIGN)):
        return scope
    raise UnknownScope(f"{scope!r} is no do-not-call scope: write *, client:NAME or campaign:NAME")


def applies(scope: str, *, campaign: str, client: str) -> bool:
    """Whether an entry of `scope` forbids the calls of this campaign, made for this client."""
    return scope in (EVERYWHERE, CAMPAIGN + campaign, CLIENT + client)
