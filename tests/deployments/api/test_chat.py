"""OpenAI's own client against the service, on a real port."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from deployments.api.problems import RETRY_AFTER_S
from deployments.settings import ApiSettings
from lift_sys.errors import EngineUnavailable, LiftError, NoFunction, OutputInvalid, Overloaded
from schemas import LiftRequest, LiftResponse
from schemas.events import EVENT
from tests.deployments.scripted_service import CODE, STEPS, VERDICT, ScriptedService, served
from tests.deployments.test_client import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

Messages = list[dict[str, Any]]
USER: Messages = [{"role": "user", "content": "double a number"}]
MODEL = "lift"


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
async def client(service: ScriptedService) -> AsyncIterator[AsyncOpenAI]:
    async with (
        served(service.api(ApiSettings(stream_ping_s=0.05))) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="k1", max_retries=0) as client,
    ):
        yield client


def asking(client: AsyncOpenAI, messages: Messages = USER, **more: Any) -> Any:
    asked: dict[str, Any] = {"model": MODEL, "messages": messages, **more}
    return client.chat.completions.create(**asked)


async def test_the_answer_is_code_and_its_verdict_stands_beside_it(client: AsyncOpenAI) -> None:
    answer = await asking(client)
    [choice] = answer.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", CODE.source, "stop")
    assert LiftResponse.model_validate(answer.model_extra["lift"]).verdict == VERDICT
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (15, 27, 42)


@pytest.mark.parametrize(
    ("messages", "prompt"),
    [
        (USER, "double a number"),
        ([{"role": "system", "content": "be brief"}, *USER], "double a number"),
        ([*USER, {"role": "assistant", "content": "def f"}, {"role": "user", "content": "halve it"}], "halve it"),
        ([*USER, {"role": "assistant", "content": None}], "double a number"),
        ([{"role": "user", "content": [{"type": "text", "text": t} for t in ("double", "it")]}], "double\nit"),
    ],
    ids=["one", "after a system's", "the last", "not the assistant's", "in parts"],
)
async def test_the_users_last_message_is_the_request(
    client: AsyncOpenAI, service: ScriptedService, messages: Messages, prompt: str
) -> None:
    await asking(client, messages, temperature=0.5)
    assert service.asked == [LiftRequest(prompt=prompt, temperature=0.5)]


async def test_what_changes_nothing_here_is_taken(client: AsyncOpenAI) -> None:
    await asking(client, max_tokens=9, top_p=0.5, seed=1, user="ann", n=1, presence_penalty=0.1)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": []}, "tools"),
        ({"stop": "x"}, "stop"),
        ({"temperature": 3}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"messages": [*USER, {"role": "user", "content": " "}]}, "messages.1.content"),
        ({"messages": [{"role": "user", "content": "x" * 20_001}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages.0.content"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_done_is_refused_by_its_name(
    client: AsyncOpenAI, more: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        await asking(client, **more)
    assert caught.value.type == "invalid_request_error"
    assert (caught.value.param or "").startswith(param)
    assert param.partition(".")[0] in caught.value.message


async def test_the_model_is_listed_and_another_one_is_unknown(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == [MODEL]
    with pytest.raises(openai.NotFoundError, match="gpt-9"):
        await asking(client, model="gpt-9")


ERRORS: list[tuple[LiftError, type[openai.APIStatusError]]] = [
    (NoFunction("a poem"), openai.UnprocessableEntityError),
    (Overloaded("full"), openai.RateLimitError),
    (OutputInvalid("cut"), openai.InternalServerError),
    (EngineUnavailable("gone"), openai.InternalServerError),
]


@pytest.mark.parametrize(("error", "raised"), ERRORS, ids=[type(error).__name__ for error, _ in ERRORS])
async def test_an_error_is_one_of_theirs(
    client: AsyncOpenAI, service: ScriptedService, error: LiftError, raised: type[openai.APIStatusError]
) -> None:
    service.failures["ir"] = error
    with pytest.raises(raised, match=str(error)) as caught:
        await asking(client)
    assert ("retry-after" in caught.value.response.headers) == (caught.value.status_code in RETRY_AFTER_S)


async def test_a_surprise_gives_nothing_away(client: AsyncOpenAI, service: ScriptedService) -> None:
    service.failures["ir"] = RuntimeError("the secret is 42")
    with pytest.raises(openai.InternalServerError) as caught:
        await asking(client)
    assert "42" not in str(caught.value.body)


async def test_a_stream_tells_the_steps_and_then_the_code(client: AsyncOpenAI) -> None:
    stream = await asking(client, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    steps = [chunk.model_extra["lift"] for chunk in chunks]
    assert [EVENT.validate_python(step).event for step in steps if step] == STEPS
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == CODE.source
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].usage.total_tokens == 42
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_stream_survives_silence_and_gives_no_usage_unasked(
    client: AsyncOpenAI, service: ScriptedService
) -> None:
    service.closed.add("code")
    stream = await asking(client, stream=True)
    first = await anext(stream)
    service.closed.clear()
    chunks = [first, *[chunk async for chunk in stream]]
    assert all(chunk.usage is None for chunk in chunks)


async def test_what_goes_wrong_in_a_stream_is_raised(client: AsyncOpenAI, service: ScriptedService) -> None:
    service.failures["code"] = EngineUnavailable("gone for good")
    with pytest.raises(openai.APIError, match="gone for good"):
        async for _ in await asking(client, stream=True):
            pass


async def test_a_stream_that_is_left_ends_its_work_at_once(client: AsyncOpenAI, service: ScriptedService) -> None:
    service.closed.add("code")
    stream = await asking(client, stream=True)
    await anext(stream)
    await stream.close()
    await until(lambda: service.cancelled == ["code"])
