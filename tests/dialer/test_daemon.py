"""How the daemon is put together."""

from config import load
from dialer import daemon


def test_the_api_token_is_the_one_set_or_a_new_one_at_each_start():
    assert daemon._token(load(api_token="chosen-by-myself")) == "chosen-by-myself"
    assert daemon._token(load()) != daemon._token(load())
