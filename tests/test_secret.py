"""A key shows itself only to who asks for it by name."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import traceback

import pytest

from dagster_project.secret import NO_SECRET, Secret, blanked, blanked_bytes, secret_words

KEY = "k3y-that-nobody-may-see"


def test_no_way_of_printing_shows_the_key():
    @dataclasses.dataclass
    class Holder:
        key: Secret

    secret = Secret(KEY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{secret:>40}"]
    shown += [repr([secret]), repr(Holder(secret)), repr(vars(Holder(secret)))]
    assert [text for text in shown if KEY in text] == []
    assert secret.reveal() == KEY


def test_a_key_does_not_travel_into_files():
    for write in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError) as refused:
            write(Secret(KEY))
        assert KEY not in "".join(traceback.format_exception(refused.value))


def test_copies_are_the_same_key_and_compare_by_value():
    secret = Secret(KEY)
    assert copy.deepcopy({"key": secret})["key"] is secret
    assert copy.copy(secret) is secret
    assert secret == Secret(KEY)
    assert len({secret, Secret(KEY), NO_SECRET}) == 2
    assert secret != KEY
    assert not NO_SECRET


def test_a_header_hides_its_words_but_not_ordinary_text():
    words = secret_words([f"Token {KEY}", "short"])
    assert words == (f"Token {KEY}", KEY)
    assert (
        blanked(f"bad Token {KEY}, or {KEY}? Token short", words) == "bad ***, or ***? Token short"
    )
    assert blanked_bytes(f'{{"k": "{KEY}"}}'.encode(), words) == b'{"k": "***"}'
