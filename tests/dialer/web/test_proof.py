"""A proof is of one token and one nonce."""

from hypothesis import given
from hypothesis import strategies as st

from dialer.web.proof import proof


@given(st.text(), st.text(), st.text())
def test_another_token_or_nonce_gives_another_proof_and_neither_is_in_it(token, nonce, other):
    made = proof(token, nonce)
    assert made == proof(token, nonce)
    assert (made == proof(other, nonce)) == (token == other)
    assert (made == proof(token, other)) == (nonce == other)
    assert len(made) == 64
