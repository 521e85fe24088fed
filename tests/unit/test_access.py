"""Who may read and forget what."""

from __future__ import annotations

from core.commands.access import (
    Right,
    Standing,
    may_forget_own,
    may_forget_whole,
    may_reset,
    right,
)

OWN = Standing(took_part=True, can_see=True, people=2)
LEFT = Standing(took_part=True, can_see=False, people=2)
WATCHING = Standing(took_part=False, can_see=True, people=2)
ADMIN = Standing(took_part=False, can_see=True, admin=True, people=2)
OUTSIDE = Standing(took_part=False, can_see=False, admin=True, people=2)
PUBLIC = Standing(took_part=False, can_see=False, may_enter=True, admin=True, people=2)
OTHERS_DM = Standing(took_part=False, can_see=False, admin=True, private=True, people=1)


def test_one_reads_what_one_took_part_in_and_still_sees() -> None:
    assert [right(who) for who in (OWN, LEFT, WATCHING)] == [Right.OWN, Right.NONE, Right.NONE]


def test_an_admin_reads_what_the_platform_shows_them_but_other_peoples_dms() -> None:
    assert right(ADMIN) is right(PUBLIC) is Right.ADMIN
    assert right(OUTSIDE) is right(OTHERS_DM) is Right.NONE
    assert right(OTHERS_DM, open_private=True) is Right.ADMIN
    assert right(OTHERS_DM, open_unseen=True) is Right.NONE
    assert right(OUTSIDE, open_unseen=True) is Right.ADMIN
    assert right(OUTSIDE, open_private=True) is Right.NONE


def test_a_shared_thread_is_removed_by_an_admin_alone() -> None:
    assert not may_forget_whole(OWN)
    assert may_forget_own(OWN)
    assert not may_forget_own(LEFT)
    assert may_forget_whole(ADMIN)
    assert not may_forget_whole(OTHERS_DM)
    assert not may_forget_whole(OUTSIDE)
    assert may_forget_whole(OUTSIDE, open_unseen=True)
    assert may_forget_whole(Standing(took_part=True, can_see=True, people=1))


def test_who_talks_in_a_thread_and_sees_it_resets_it() -> None:
    assert [may_reset(who) for who in (OWN, LEFT, WATCHING)] == [True, False, False]
