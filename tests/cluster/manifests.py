"""Manifests of cluster/k8s as Kustomize puts them together, and what KubeRay's and Kubernetes' schemas say of them."""

import gzip
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "cluster" / "k8s"
_CRD = ROOT / "tests" / "data" / "crds" / "ray.io_rayservices.yaml.gz"

Manifest = dict[str, Any]


def base() -> list[Manifest]:
    """The resources of the base, but for the dashboards, which Kustomize makes of files."""
    names = read(K8S / "base" / "kustomization.yaml")["resources"]
    texts = [(K8S / "base" / name).read_text(encoding="utf-8") for name in names if name.endswith(".yaml")]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text)]


def rayservice(overlay: str | None = None) -> Manifest:
    """Of the base, or with the patch of an overlay."""
    [service] = [manifest for manifest in base() if manifest["kind"] == "RayService"]
    if overlay:
        [patch] = read(K8S / "overlays" / overlay / "kustomization.yaml")["patches"]
        [operation] = yaml.safe_load(patch["patch"])
        assert (operation["op"], operation["path"]) == ("add", "/spec/serveConfigV2")
        service["spec"]["serveConfigV2"] = operation["value"]
    return service


def pods(service: Manifest) -> dict[str, Manifest]:
    """The pod template of each group."""
    cluster = service["spec"]["rayClusterConfig"]
    workers = {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
    return {"head": cluster["headGroupSpec"]["template"], **workers}


def problems(service: Manifest) -> list[str]:
    """What KubeRay's schema refuses, each by its key."""
    errors = jsonschema.Draft202012Validator(_schema()).iter_errors(service)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def secrets(data: object) -> Iterator[str]:
    """The names of all secrets that are referred to, anywhere."""
    if isinstance(data, list):
        for one in data:
            yield from secrets(one)
    if isinstance(data, dict):
        yield from (data[key]["name"] for key in ("secretKeyRef", "secretRef") if key in data)
        yield from [data["secretName"]] if "secretName" in data else []
        yield from secrets(list(data.values()))


def read(path: Path) -> Manifest:
    data: Manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


@cache
def _schema() -> dict[str, Any]:
    definition = yaml.load(gzip.decompress(_CRD.read_bytes()), Loader=yaml.CSafeLoader)
    [version] = [one for one in definition["spec"]["versions"] if one["name"] == "v1"]
    schema: dict[str, Any] = _strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def _strict(schema: Any) -> Any:
    """As Kubernetes reads it with strict field validation: no key but those that are named."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _strict(value) for key, value in schema.items()}
    open_to_all = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not open_to_all:
        closed["additionalProperties"] = False
    return closed
