"""Conversations: what their turns have in common, and how many are remembered."""

from __future__ import annotations

from router.conversations import Conversations, conversation_key, goes_on

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "hello"},
    {"role": "user", "content": "and then?"},
]


def test_turns_of_a_conversation_have_one_key_and_others_another():
    key = conversation_key({"messages": TURNS}, None, None)
    assert key == conversation_key({"messages": TURNS[:2]}, None, None)
    assert key != conversation_key({"messages": TURNS[1:]}, None, None)
    assert key != conversation_key({"messages": TURNS}, None, "alice")
    assert conversation_key({"messages": TURNS}, "s", None) == conversation_key({"prompt": "x"}, "s", None)
    assert conversation_key({"prompt": "x"}, None, None) is None
    assert conversation_key({"messages": [7]}, None, None) is None  # left for the engine to refuse
    assert (goes_on({"messages": TURNS}), goes_on({"messages": TURNS[:2]}), goes_on({})) == (True, False, False)


def test_the_longest_unused_conversation_is_forgotten():
    memory = Conversations(most=2)
    for key in (b"a", b"b", b"a", b"c"):
        memory.remember(key, "small")
    assert [memory.course(key).last_pool for key in (b"a", b"b", b"c", None)] == ["small", None, "small", None]


def test_a_dropped_answer_is_remembered_until_the_pool_gives_a_good_one():
    memory = Conversations()
    memory.remember(b"a", "large", ["small", "moe"])
    memory.remember(b"a", "large")
    assert memory.course(b"a").doubted == {"small", "moe"}
    memory.remember(b"a", "moe")
    assert (memory.course(b"a").last_pool, memory.course(b"a").doubted) == ("moe", {"small"})
    assert memory.course(b"b").doubted == frozenset()


def test_dropped_answers_of_a_conversation_are_counted():
    conversations = Conversations()
    for dropped in (["small"], [], ["small", "moe"]):
        conversations.remember(b"key", "large", dropped)
    assert conversations.course(b"key").drops == 3
    assert conversations.course(b"other").drops == 0
