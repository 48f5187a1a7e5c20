"""How far a do-not-call entry reaches."""

EVERYWHERE = "*"


def applies(scope: str, campaign_name: str) -> bool:
    """Whether an entry of `scope` (a campaign's name, or `*` for all) forbids calls of this campaign."""
    return scope in (EVERYWHERE, campaign_name)
