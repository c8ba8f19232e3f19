"""What the README says is so: its commands run, its links lead somewhere, its figures are the measured ones."""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from deployments.cli.main import app
from tests.documents import ROOT, command_with, commands, shell

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_first_two_commands_are_run_and_test() -> None:
    assert commands()[:2] == ["make run", "make test"]


@pytest.mark.parametrize("target", sorted({c.split()[1] for d in DOCS for c in commands(d) if c.startswith("make ")}))
def test_every_target_that_a_document_names_exists(target: str) -> None:
    assert shell(f"make -n {target} PYTHON={shlex.quote(sys.executable)}").returncode == 0


@pytest.mark.slow
def test_the_verdict_on_brought_code_is_as_shown() -> None:
    assert shell(command_with("printf")).returncode == 0
    shell(command_with("lift validate"))
    assert json.loads(Path("/tmp/verdict.json").read_text(encoding="utf-8"))["verdict"] == "verified"
    assert shell(command_with("lift replay")).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("word", ["grammar show", "grammar bound"])
def test_the_commands_of_the_grammars_run(word: str) -> None:
    shown = shell(command_with(word))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout


def test_every_other_command_is_covered_elsewhere() -> None:
    """`lift serve` starts the service in every cluster test; `serve run` is what it runs; make is tested above.

    What asks a running service is run by the tests of a cluster.
    `lift grammar prove` is run with as many texts by the test of what it records.
    """
    validating = ("printf", "lift validate", "lift replay")
    grammars = ("grammar show", "grammar bound", "grammar prove --runs 20")
    here = (*validating, *grammars, "lift generate", "curl", "lift serve", "serve run", "make ")
    assert [c for c in commands() if not any(word in c for word in here)] == []


LIFT = sorted({c for d in DOCS for c in commands(d) if re.match(r"(\.venv/bin/)?lift ", c)})


@pytest.mark.parametrize("command", LIFT)
def test_every_command_of_ours_takes_the_options_that_a_document_gives_it(command: str) -> None:
    """Read, and not run: most of them need a service, a model or a GPU."""
    read(command)


def test_a_command_that_is_none_would_be_found() -> None:
    for command in ("lift plan --rsp 5", "lift paln --rps 5", "lift keys create me --scop lift"):
        with pytest.raises(typer.BadParameter.__bases__):  # what it is a kind of: any wrong usage
            read(command)


def read(command: str) -> None:
    _, *words = shlex.split(re.split(r" [|>&] ?", command)[0])
    found: Any = typer.main.get_command(app)
    context: Any = None
    while isinstance(found, TyperGroup):
        context = typer.Context(found, parent=context)
        _, found, words = found.resolve_command(context, words)
    found.make_context(command, words)


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_file_that_kubectl_is_given_is_there(document: Path) -> None:
    given = [re.findall(r"-[fk] (cluster/\S+)", line) for line in commands(document) if line.startswith("kubectl")]
    assert [path for paths in given for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_figure_is_the_measured_one(document: Path) -> None:
    """A figure stands as `id = value`; the value is the index's."""
    summary = ROOT / "docs" / "results" / "summary.json"
    measured = {row["id"]: row["value"] for row in json.loads(summary.read_text(encoding="utf-8"))}
    text = document.read_text(encoding="utf-8")
    quoted = re.findall(r"`([a-z]+\.[a-z0-9_.]+) = ([0-9.]+)`", text)
    assert quoted or document.name not in ("README.md", "grow.md") or "results" in document.parts
    assert [(name, float(value)) for name, value in quoted] == [(name, measured[name]) for name, _ in quoted]
