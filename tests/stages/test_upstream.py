"""Which hosts get no more calls, and whether the key or a match is at fault: decided without network or database."""

import pytest

from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.stages.upstream import FAULTS_IN_A_ROW, SUSPECTS, HostHealth, KeySuspicion, Trouble

REFUSAL = RiotRefusal(RiotVerdict.FORBIDDEN, "403 Forbidden", 403)


def health(*answers: str) -> HostHealth:
    """After these answers of `europe`: 'ok' or a fault."""
    found = HostHealth()
    for answer in answers:
        if answer == "ok":
            found.record_answer("europe")
        else:
            found.record_fault("europe", answer)
    return found


def test_circuit__opens_after_faults_in_a_row() -> None:
    """A good answer in between starts the count anew, and other hosts are not concerned."""
    faults = ["503"] * (FAULTS_IN_A_ROW - 1)
    assert not health(*faults).is_open("europe")
    assert not health(*faults, "ok", *faults).is_open("europe")
    assert health(*faults, "503").is_open("europe")
    assert not health(*faults, "503").is_open("asia")


def test_circuit__opens_at_once_without_a_way_out() -> None:
    """A fault of this machine needs no second try."""
    found = health("ok")
    found.open_circuit("europe")
    assert found.is_open("europe")
    assert found.troubles() == []


@pytest.mark.parametrize(
    ("answers", "is_down"),
    [(["503"], True), (["ok", "503"], False), (["503", "ok"], False), (["ok", "503", "503", "503"], True)],
)
def test_trouble__down_or_single_faults(answers: list[str], is_down: bool) -> None:
    """A host that gave a good answer, and no long row of faults, failed in single calls only."""
    assert health(*answers).troubles() == [Trouble([each for each in answers if each != "ok"], is_down)]


def test_suspicion__cleared_by_a_later_answer() -> None:
    """The answer returns the suspects, once: they are closed matches."""
    key = KeySuspicion()
    key.suspect("EUW1_1", REFUSAL)
    assert "EUW1_1" in key
    assert (bool(key), key.first) == (True, REFUSAL)
    assert key.record_answer() == {"EUW1_1": REFUSAL}
    assert not key
    assert key.record_answer() == {}


def test_suspicion__an_earlier_answer_clears_nothing() -> None:
    """Only a 200 given after the 403 tells."""
    key = KeySuspicion()
    key.record_answer()
    key.suspect("EUW1_1", REFUSAL)
    assert key


def test_suspicion__several_need_proof() -> None:
    """One may be closed; several in a row are checked with a call of their own."""
    key = KeySuspicion()
    for number in range(SUSPECTS):
        assert not key.needs_proof
        key.suspect(f"EUW1_{number}", REFUSAL)
    assert key.needs_proof


@pytest.mark.parametrize(
    ("verdict", "proven", "rejected"),
    [
        (RiotVerdict.FORBIDDEN, False, True),
        (RiotVerdict.FORBIDDEN, True, True),
        (RiotVerdict.UNAUTHORIZED, False, True),
        (RiotVerdict.UNAUTHORIZED, True, False),  # the key is good, so the server errs
        (RiotVerdict.UNAVAILABLE, False, False),
        (RiotVerdict.NOT_FOUND, False, False),
    ],
)
def test_key__rejected_by(verdict: RiotVerdict, proven: bool, rejected: bool) -> None:
    """What a refusal of a call that is never closed says of the key."""
    key = KeySuspicion()
    if proven:
        key.record_answer()
    assert key.is_rejected(verdict) == rejected
