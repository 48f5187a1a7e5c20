from dialer.pacing.policy import Budget


def test_the_allowance_is_what_the_calls_so_far_still_allow():
    assert Budget(ceiling=0.03, calls=1000, abandoned=12).allowance == 18
    assert Budget(ceiling=0.03, calls=100, abandoned=5).allowance == -2
