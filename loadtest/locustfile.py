"""`locust -f loadtest/locustfile.py --host http://127.0.0.1:8000`: people who ask for small functions.

A first load test: each user waits for the answer before the next request (closed loop), so the latencies it shows are
those of a service that is never overrun.
"""

from locust import HttpUser, between, task

from schemas.api import LiftResponse

PROMPTS = (
    "Reverse a text: reverse('abc') == 'cba'",
    "Add two integers. For example add(2, 3) == 5.",
    "Decide whether an integer is even: is_even(4) == True; is_even(3) == False",
)


class LiftUser(HttpUser):
    wait_time = between(1, 3)

    def on_start(self) -> None:
        self.turn = 0

    @task
    def lift(self) -> None:
        """An answer counts as a success when it keeps its own schema; the verdict is named beside."""
        self.turn += 1
        body = {"prompt": PROMPTS[self.turn % len(PROMPTS)]}
        with self.client.post("/v1/lift", json=body, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                return
            try:
                LiftResponse.model_validate_json(answer.content)
            except ValueError as error:
                answer.failure(f"not a LiftResponse: {error}")
