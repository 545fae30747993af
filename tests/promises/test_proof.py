"""A sample of each part of `scripts/prove`: the whole of it takes longer than a test may."""

import pytest
from proof.frame import Part, all_parts

pytestmark = pytest.mark.sqlite_only

SHARE = 0.0005


@pytest.mark.parametrize("part", all_parts(), ids=lambda part: part.name)
def test_a_sample_of(part: Part) -> None:
    """Holds at one point of each kind, at least."""
    if missing := part.needs():
        pytest.skip(missing)
    tally = part.prove(SHARE)
    assert not tally.violations
    assert tally.points
