"""The service at 1 to 1,000 replicas, simulated on measured times. Start at `service.py`.

It runs the policy that Serve runs, `lift_sys.scaling.decide`.

An engine replica is a processor that its sequences share: all of them get one token a step, and a step takes as long as
was measured of a batch of that size. Tokens are not simulated one by one, only when a call will have written its last.
"""
