"""The two processes that stay."""

import gc

from dialer.cli.run import _set_aside


def test_what_outlives_a_collection_of_garbage_is_not_looked_through_again():
    class Call:
        pass

    kept = [Call() for _ in range(1000)]
    gc.unfreeze()
    try:
        _set_aside("start", {"generation": 1})
        _set_aside("stop", {"generation": 0})
        assert gc.get_freeze_count() == 0
        _set_aside("stop", {"generation": 1})
        assert not {id(call) for call in kept} & {id(found) for found in gc.get_objects()}
    finally:
        gc.unfreeze()
