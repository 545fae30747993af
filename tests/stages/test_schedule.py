"""What waits for a call: one order, a lane for each host."""

import pytest

from lolslackbot.stages.schedule import Lanes


def lanes(*items: str) -> Lanes[str]:
    """Items named after their host: `a1` waits for host `a`."""
    return Lanes(lambda item: item[0], items)


def test_what_is_due_first_stands_in_front() -> None:
    assert lanes("b1", "a1", "b2", "c1").hosts() == ["b", "a", "c"]


def test_each_lane_keeps_its_order_whatever_the_others_do() -> None:
    waiting = lanes("b1", "a1", "b2", "a2")
    assert [waiting.take_from("a"), waiting.take_from("a")] == ["a1", "a2"]
    assert [waiting.take(), waiting.take()] == ["b1", "b2"]
    assert not waiting


def test_a_lane_without_its_first_one_may_lose_its_turn() -> None:
    waiting = lanes("a1", "b1", "a2")
    waiting.take()
    assert waiting.hosts() == ["b", "a"]


def test_what_is_put_first_comes_next_the_last_one_before_the_others() -> None:
    waiting = lanes("a1", "b1")
    waiting.put_first("b0")
    waiting.put_first("c0")
    assert waiting.hosts() == ["c", "b", "a"]
    assert [waiting.take(), waiting.take(), waiting.take()] == ["c0", "b0", "a1"]


def test_what_is_dropped_is_gone_and_the_rest_keeps_its_order() -> None:
    waiting = lanes("a1", "b1", "a2", "b2", "a3")
    waiting.drop(lambda item: item in ("a1", "b1", "b2"))
    assert waiting.hosts() == ["a"]
    assert [waiting.take(), waiting.take()] == ["a2", "a3"]


def test_nothing_waits() -> None:
    assert not lanes()
    assert lanes().hosts() == []
    with pytest.raises(IndexError):
        lanes().take()
