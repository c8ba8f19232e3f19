"""Small profiles with round numbers."""

import pytest

from lift_sys.simulation.profile import Call, Kind, Profile


def server_profile(places: int, service_s: float) -> Profile:
    """A queue as theory has it: so many places, one call a request, a fixed time, and nothing else that takes time."""
    call = Call(sequences=1, tokens=1, uncached_tokens=0, kv_tokens=1)
    return Profile(
        name="queue",
        gpu="H100",
        step_s={1: service_s},
        prefill_s_per_token=0,
        max_running=places,
        capacity_tokens=1e6,
        cold_start_s=(10.0,),
        kinds=(Kind(ir=None, wave=call, waves=1),),
        validate_s=(1e-9,),
        overhead_s=(0.0,),
    )


@pytest.fixture(scope="session")
def profile() -> Profile:
    """A step takes 20 ms and 1 ms for each sequence; a request an IR of 50 tokens and two waves of 3 x 20."""
    ir = Call(sequences=1, tokens=50, uncached_tokens=100, kv_tokens=200)
    wave = Call(sequences=3, tokens=20, uncached_tokens=50, kv_tokens=400)
    return Profile(
        name="small",
        gpu="H100",
        step_s={1: 0.021, 21: 0.041},
        prefill_s_per_token=0.0001,
        max_running=24,
        capacity_tokens=4_000,
        cold_start_s=(20.0, 30.0),
        kinds=(Kind(ir=ir, wave=wave, waves=2), Kind(ir=ir, wave=wave, waves=1)),
        validate_s=(0.05, 0.1),
        overhead_s=(0.02,),
    )
