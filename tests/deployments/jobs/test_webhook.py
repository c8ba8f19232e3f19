"""Webhooks: signed as the standard says, sent until taken, and never to where only we can reach."""

import ipaddress
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from deployments.jobs.address import AddressRefused, is_public, parse, resolve
from deployments.jobs.attempt import Again, End
from deployments.jobs.database import connect
from deployments.jobs.service import Jobs
from deployments.jobs.sql_jobs import SqlJobs, Terms
from deployments.jobs.store import NewJob, Taken
from deployments.jobs.webhook import Telling, signers
from deployments.settings import JobsSettings
from schemas import JobEnded

pytestmark = pytest.mark.anyio

OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ID = "0" * 32


class Receiver:
    """An address on loopback that answers as a test says, and remembers what it was told."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.told: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}/hook?a=1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,))
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlJobs]:
    engine = connect(str(tmp_path / "jobs.sqlite"))
    yield SqlJobs(engine, Terms())
    engine.dispose()


def ended(store: SqlJobs, url: str) -> Taken:
    """The work of telling it."""
    store.accept(NewJob(ID, "ann", ["{}"], url))
    store.finish(store.take("lift", 1)[0].lease, "{}", ok=True)
    [told] = store.take("webhook", 1)
    return told


def telling(store: SqlJobs, *, private: bool = True, secrets: str = OLD) -> Telling:
    return Telling(store, signers(secrets), private=private, timeout_s=2)


async def test_a_webhook_says_that_the_job_has_ended_and_who_says_so(store: SqlJobs, receiver: Receiver) -> None:
    end = await telling(store, secrets=f"{NEW} {OLD}").do(ended(store, receiver.url))
    assert end == End("", True)
    [(headers, body)] = receiver.told
    said = JobEnded.model_validate_json(body)
    assert (said.type, said.data.id, said.data.status, said.data.counts.done) == ("job.ended", ID, "done", 1)
    assert headers["host"] == receiver.url.split("/")[2], "the name, although the connection goes to the number"
    assert headers["content-type"] == "application/json"
    for secret in (OLD, NEW):
        Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body.replace(b"done", b"gone"), headers)


@pytest.mark.parametrize(
    ("status", "end"), [(204, End("", True)), (410, End("", False)), (302, None), (400, None), (500, None)]
)
async def test_what_a_webhook_is_answered_decides_whether_it_is_sent_again(
    store: SqlJobs, receiver: Receiver, status: int, end: End | None
) -> None:
    """A redirect is followed nowhere: it could lead to where the first address may not."""
    receiver.statuses = [status]
    taken = ended(store, receiver.url)
    got = await telling(store).do(taken)
    assert got == end or (end is None and isinstance(got, Again) and got.counts)
    assert len(receiver.told) == 1


async def test_every_attempt_has_the_id_of_the_first(store: SqlJobs, receiver: Receiver) -> None:
    taken = ended(store, receiver.url)
    for _ in range(2):
        await telling(store).do(taken)
    assert len({headers["webhook-id"] for headers, _ in receiver.told}) == 1


async def test_an_address_that_is_not_public_is_told_nothing(store: SqlJobs, receiver: Receiver) -> None:
    assert isinstance(await telling(store, private=False).do(ended(store, receiver.url)), Again)
    assert receiver.told == []


async def test_nobody_there_is_tried_again(store: SqlJobs, receiver: Receiver) -> None:
    receiver.server.shutdown()
    receiver.server.server_close()
    assert isinstance(await telling(store).do(ended(store, receiver.url)), Again)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_an_address_is_public_or_not(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
async def test_no_spelling_of_this_machine_gets_through(host: str) -> None:
    with pytest.raises(AddressRefused):
        await resolve(parse(f"http://{host}/", private=False), private=False)


@pytest.mark.parametrize("url", ["http://", "file:///etc/passwd", "https://user@a.example/", "http://a:99999/", "x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse(url, private=True)


@pytest.mark.parametrize("secret", ["", " ", "whsec_", "whsec_ä"])
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="secret") as refusal:
        signers(secret)
    assert "ä" not in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"database_env": "LIFT_DATABASE"}, "'LIFT_DATABASE' is not set"),
        ({"database": "{folder}/a.sqlite", "webhook_secret_env": "SECRET"}, "'SECRET' is not set"),
        ({"database": "{folder}"}, "cannot be used"),
        ({"database": "postgresql://ann:hunter2@127.0.0.1:1/x"}, "cannot be used"),
        ({"database": "nosuch://x"}, "cannot be used"),
    ],
)
def test_jobs_that_cannot_be_kept_fail_the_start_by_name(settings: dict[str, str], named: str, tmp_path: Path) -> None:
    filled = {name: value.format(folder=tmp_path) for name, value in settings.items()}
    with pytest.raises(ValueError, match=named) as refusal:
        Jobs(JobsSettings.model_validate(filled), {})
    assert "hunter2" not in str(refusal.value) + json.dumps(str(refusal.value.__cause__))
