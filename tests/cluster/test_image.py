"""The image's recipe: linted, pinned as the rest of the repository is, and made of what there is to install."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from deployments.configs.presets import PRESETS
from tests.cluster.dockerfile import DOCKERFILE, ROOT, commands, steps
from tests.cluster.image_check import release
from tests.cluster.manifests import K8S, pods, rayservice, read

_PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = _PYPROJECT["project"]
PACKAGES = _PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
ENGINES = ["cpu", "gpu"]


def pip_installs(engine: str) -> list[list[str]]:
    """What is asked of pip, without its options."""
    found = [words[words.index("install") + 1 :] for words in commands(engine) if words[0].endswith("pip")]
    return [[word for word in words if word not in ("-e", "-c", "--no-deps", "constraints.txt")] for words in found]


def test_hadolint_finds_nothing() -> None:
    linted = subprocess.run(
        [str(Path(sys.executable).with_name("hadolint")), str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("engine", ENGINES)
def test_every_package_is_pinned(engine: str) -> None:
    wanted = [word for words in pip_installs(engine) for word in words]
    own = {f".[{engine}]", "./deployments/sgl_kernel_cpu"}
    assert f".[{engine}]" in wanted
    assert all("==" in word for word in wanted if word not in own), wanted
    assert engine in PROJECT["optional-dependencies"]


def test_the_engine_for_a_cpu_is_the_one_that_is_tested() -> None:
    [line] = re.findall(r"^CPU_ENGINE := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line.split() in pip_installs("cpu")
    assert [name for name in ENGINES if line.split() not in pip_installs(name)] == ["gpu"]
    assert line.split()[0] in PROJECT["optional-dependencies"]["gpu"]


@pytest.mark.slow
def test_what_the_image_asks_pip_for_is_there() -> None:
    """The pins that are in no other file are resolved, not installed; the others are what these tests run with."""
    wanted = [word for words in pip_installs("cpu") for word in words if "==" in word]
    assert wanted
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "-q", *wanted]
    resolved = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert resolved.returncode == 0, resolved.stderr


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("apt-get"), reason="Debian's packages are known to Debian only")
def test_what_the_image_asks_debian_for_is_there() -> None:
    if release() not in Path("/etc/os-release").read_text(encoding="utf-8"):
        pytest.skip(f"this is not Debian {release()}")
    [install] = [words for words in commands("gpu") if words[:2] == ["apt-get", "install"]]
    known = subprocess.run([*install, "-s"], capture_output=True, text=True, timeout=60, check=False)
    assert known.returncode == 0, known.stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_it_runs_as_the_user_of_the_pods_and_has_no_step_as_root_after(engine: str) -> None:
    words = [step.word for step in steps(engine)]
    users = [step.rest for step in steps(engine) if step.word == "USER"]
    security = pods(rayservice())["cpu"]["spec"]["securityContext"]
    assert users == [f"{security['runAsUser']}:{security['runAsGroup']}"]
    assert words.index("USER") < min(i for i, step in enumerate(steps(engine)) if "pip install" in step.rest)


def test_its_editable_install_finds_the_packages_that_are_copied_after_it() -> None:
    [touched] = [words[1:] for words in commands("gpu") if words[0] == "touch"]
    assert sorted(touched) == sorted(f"{name}/__init__.py" for name in PACKAGES)


def test_all_manifests_name_one_image_in_one_place() -> None:
    containers = [one for pod in pods(rayservice()).values() for one in pod["spec"]["containers"]]
    [name] = {container["image"] for container in containers}
    [image] = read(K8S / "base" / "kustomization.yaml")["images"]
    assert image["name"] == name
    named = f"{image['newName']}:{image['newTag']}"
    assert image["newTag"] == PROJECT["version"]
    assert yaml.safe_load((ROOT / "cluster" / "aws.yaml").read_text(encoding="utf-8"))["docker"]["image"] == named
    assert not any("images" in read(K8S / "overlays" / one.name / "kustomization.yaml") for one in PRESETS)


def test_the_image_has_what_runs_and_nothing_else() -> None:
    lets_in = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(PACKAGES) < set(lets_in)
    assert not {"tests", "docs", ".git"} & set(lets_in)
    assert all((ROOT / name).exists() for name in lets_in)
