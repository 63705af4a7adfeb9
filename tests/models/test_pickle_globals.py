"""What a pickle would import, read off without running it."""

from __future__ import annotations

import io

from explainers.models.pickle_globals import named_globals


def test_names_reached_through_the_memo_are_found():

    # 'os' and 'system' are pushed once, kept in the memo, and fetched again before STACK_GLOBAL
    pickle = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x8c\x04junk\x94h\x00h\x01\x93."
    assert named_globals(io.BytesIO(pickle)) == ["os.system"]
