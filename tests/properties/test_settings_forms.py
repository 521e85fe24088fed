"""For all texts: what a form shows and gets back is no change, and what is odd is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.discord.ui import settings_views as on_discord
from bots.slack.ui import settings_views as on_slack
from core.commands.settings.form import CLEARS, Form, Shown, changes_in, items_of
from core.commands.settings.scoped import choices_of
from core.domain.errors import DeniedError
from core.domain.message import ThreadKey
from core.domain.settings import FIELDS, NAMED, Layers, Scope, ScopeSettings, read_value
from tests.fakes.discord.component_rules import check_modal, fields_of
from tests.fakes.slack.blocks import check_blocks
from tests.fakes.slack.view_rules import entered

HERE = ThreadKey("slack", "T1/C1", "1.2")
TEXTS = st.text(max_size=300)
ODD = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def form_of(text: str, above: str) -> Form:
    """Return a channel's form in which the instructions are this text."""
    value = read_value(NAMED["instructions"], text)
    held = ScopeSettings(instructions=str(value or ""), memory_high=3000, recall="off")
    items = items_of(
        Layers(channel=held),
        Scope.CHANNEL,
        {each.name: above or "none" for each in FIELDS},
        {each.name: choices_of(each) for each in FIELDS},
    )
    scopes = (Scope.THREAD, Scope.CHANNEL)
    return Form(thread=HERE, scope=Scope.CHANNEL, scopes=scopes, items=items, server="server")


@given(TEXTS, TEXTS)
def test_what_a_form_shows_fits_and_comes_back_as_no_change(text: str, above: str) -> None:
    if text.strip().lower() in CLEARS:
        return
    form = form_of(text, above)
    view = on_slack.modal(Shown(["What holds."], form))
    check_blocks(view["blocks"], view=True)
    values = entered(view, {})
    sent = on_slack.sent(view | {"state": {"values": values}})
    assert (sent.thread, sent.scope) == (HERE, Scope.CHANNEL)
    assert changes_in(sent.given).texts == {}
    for page, (_, items) in enumerate(form.pages(5)):
        modal = on_discord.modal(form, page)
        check_modal(modal)
        shown = {each["custom_id"]: each for each in fields_of(modal["components"])}
        assert [*shown] == [each.key for each in items]
        given_back = {each.key: each.value.replace("\n", "\r\n") for each in items}
        assert changes_in(given_back).texts == {}


@given(TEXTS, ODD)
def test_odd_payloads_are_refused_in_words_or_say_nothing(text: str, odd: Any) -> None:
    values = {"channel:recall:0": odd, text: odd}
    for metadata in (text, f"channel {text}", odd):
        try:
            sent = on_slack.sent({"private_metadata": metadata, "state": {"values": values}})
        except DeniedError:
            continue
        assert all(isinstance(each, str) for each in sent.given.values())
    for custom_id in (text, f"chatbot:scope:{text}", f"chatbot:save:channel:{text}", odd):
        data = {"custom_id": custom_id, "values": odd, "components": odd}
        asked = on_discord.asked(data)
        assert asked is None or isinstance(asked.thread, ThreadKey)
    with pytest.raises(DeniedError):
        changes_in({f"no {text}": text})
