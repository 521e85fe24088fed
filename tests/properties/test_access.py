"""I8: nobody reaches a thread that is not theirs, whatever else is true."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.commands.access import Right, Standing, may_forget_own, may_forget_whole, may_reset, right

flag = st.booleans()
standings = st.builds(
    Standing,
    took_part=flag,
    can_see=flag,
    may_enter=flag,
    admin=flag,
    private=flag,
    people=st.integers(min_value=0, max_value=50),
)


@given(standings, flag)
def test_who_is_no_admin_needs_to_have_taken_part_and_to_see_it(
    who: Standing, opened: bool
) -> None:
    reached = [
        right(who, open_private=opened) is not Right.NONE,
        may_forget_own(who),
        may_forget_whole(who, open_private=opened),
        may_reset(who),
    ]
    if not who.admin and not (who.took_part and who.can_see):
        assert not any(reached)


@given(standings)
def test_no_role_opens_another_persons_direct_messages(who: Standing) -> None:
    if who.private and not (who.took_part and who.can_see):
        assert right(who) is Right.NONE
        assert not may_forget_whole(who)


@given(standings)
def test_what_the_platform_shows_nobody_else_is_closed_to_admins(who: Standing) -> None:
    if not (who.can_see or who.may_enter):
        assert right(who) is Right.NONE
        assert not may_forget_whole(who)


@given(standings, flag)
def test_what_may_be_removed_may_be_read(who: Standing, opened: bool) -> None:
    if may_forget_whole(who, open_private=opened):
        assert right(who, open_private=opened) is not Right.NONE
        assert who.admin or who.people == 1
