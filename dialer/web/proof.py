"""How a daemon shows which one it is, to who knows its token and to nobody else."""

import hashlib
import hmac


def proof(token: str, nonce: str) -> str:
    """What only a holder of the token can make of a nonce (HMAC-SHA256, hexadecimal)."""
    return hmac.new(token.encode(), f"healthz:{nonce}".encode(), hashlib.sha256).hexdigest()
