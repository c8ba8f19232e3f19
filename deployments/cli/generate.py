"""`lift generate`: ask a running service."""

import sys
from typing import Annotated

import typer
from pydantic import ValidationError

from deployments.cli import client
from deployments.cli.console import REJECTED, err, fail
from deployments.cli.show import show_question, show_response
from schemas import Answered, LiftRequest, LiftResponse

_ROUNDS = 3
"""Of questions. Each answer may raise another, and at some point code is to be had."""
URL = Annotated[str, typer.Option(help="Where the service listens.", envvar="LIFT_URL")]
ApiKey = Annotated[str | None, typer.Option(help="Of the service, where it asks for one.", envvar="LIFT_API_KEY")]


def generate(
    prompt: Annotated[str, typer.Argument(help="What the function shall do; `-` reads it from standard input.")],
    example: Annotated[list[str] | None, typer.Option(help="Such as `f(1) == 2`. May be repeated.")] = None,
    n: Annotated[int | None, typer.Option(help="Variations of the code to choose from.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Of the variations, 0 to 2.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds, after which the work is stopped.")] = None,
    interactive: Annotated[
        bool,
        typer.Option("--interactive", "-i", help="Ask you what the answer leaves open, and then the service again."),
    ] = False,
    url: URL = "http://127.0.0.1:8000",
    api_key: ApiKey = None,
    json: Annotated[bool, typer.Option("--json", help="The whole answer as JSON.")] = False,
) -> None:
    """Specify, write and validate a function: `lift generate "count the vowels of a text" --n 4`.

    Exit code 1: the verdict is `rejected`. 2: there is no answer.
    """
    request = _request(prompt, example, n, temperature, timeout)
    answer = client.lift(url, request, api_key)
    for _ in range(_ROUNDS if interactive else 0):
        answered = _asked(answer)
        if not answered:
            break
        request = request.model_copy(update={"answers": (*request.answers, *answered), "ir": answer.ir})
        answer = client.lift(url, request, api_key)
    if json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        show_response(answer)
    if answer.verdict.level == "rejected":
        raise typer.Exit(REJECTED)


def _asked(answer: LiftResponse) -> list[Answered]:
    """What the user says to the questions; nothing to those where what was assumed will do."""
    answered = []
    for question in answer.questions:
        show_question(question, err)
        said = typer.prompt("number, other words, or Enter", default="", show_default=False, err=True).strip()
        if said.isdecimal() and 1 <= int(said) <= len(question.options):
            said = question.options[int(said) - 1]
        if said and said != question.assumed:
            answered.append(Answered(question=question.question, answer=said))
    return answered


def _request(
    prompt: str, example: list[str] | None, n: int | None, temperature: float | None, timeout: float | None
) -> LiftRequest:
    try:
        words = sys.stdin.buffer.read().decode("utf-8") if prompt == "-" else prompt
    except UnicodeDecodeError as error:
        fail(f"prompt: not UTF-8 at byte {error.start} of standard input")
    try:
        return LiftRequest(prompt=words, examples=tuple(example or ()), n=n, temperature=temperature, timeout_s=timeout)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}, not {first['input']!r:.80}")
