from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from campaigns.lead import Priority, next_phone


@dataclass(frozen=True)
class Phone:
    retired: str | None
    attempts: int
    rank: int


PHONES = st.lists(
    st.builds(
        Phone, retired=st.sampled_from([None, "wrong-number"]), attempts=st.integers(0, 3), rank=st.integers(0, 3)
    )
)


@given(PHONES)
def test_the_next_phone_is_usable_and_none_usable_was_tried_less(phones):
    chosen = next_phone(phones)
    usable = [phone for phone in phones if phone.retired is None]
    if chosen is None:
        assert usable == []
    else:
        assert (chosen.attempts, chosen.rank) == min((phone.attempts, phone.rank) for phone in usable)


def test_the_file_order_decides_between_phones_tried_equally():
    home, mobile = Phone(None, attempts=1, rank=0), Phone(None, attempts=1, rank=1)
    assert next_phone([mobile, home]) is home


def test_a_promised_callback_comes_before_recycled_and_fresh_leads():
    assert sorted(Priority) == [Priority.CALLBACK, Priority.RECYCLED, Priority.FRESH]
