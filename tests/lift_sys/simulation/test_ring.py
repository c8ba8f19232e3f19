from collections import Counter
from random import Random

from simpy import Environment

from lift_sys.simulation.profile import Profile
from lift_sys.simulation.replica import Replica
from lift_sys.simulation.ring import Ring

SESSIONS = [number / 5_000 for number in range(5_000)]


def test_sessions_move_only_to_a_new_replica_and_only_from_one_that_is_gone(profile: Profile) -> None:
    env, ring = Environment(), Ring(100, Random(0))
    first, second, third = (Replica(env, profile) for _ in range(3))
    ring.add(first)
    ring.add(second)
    before = [ring.of(session) for session in SESSIONS]
    ring.add(third)
    after = [ring.of(session) for session in SESSIONS]
    assert all(new in (old, third) for old, new in zip(before, after, strict=True))
    assert all(0.2 < count / len(SESSIONS) < 0.5 for count in Counter(after).values())
    third.serving = False
    ring.note_gone()
    assert [ring.of(session) for session in SESSIONS] == before
