"""The manifests of a fleet: they are of their kinds, hold pods down, and name what is there."""

import re
from typing import Any

import click
import pytest

from monitor import __version__
from monitor.cli import COMMANDS, LazyGroup
from monitor.config import METRICS_PORT
from monitor.daemon.requests import INDEX
from tests.deployment_kit import (
    FOLDER,
    WORKLOADS,
    Manifest,
    containers,
    generated,
    kustomization,
    manifests,
    workloads,
)
from tests.metrics_kit import EXAMPLE

CONTAINERS = {each.name: each for each in containers()}
SENSOR = "residency-sensor/sensor"
TALKING = {SENSOR, "residency-correlator/correlator", "residency-recorder/recorder"}  # that serve metrics
WAITING = {"residency-sensor/publish", "residency-recorder/deliver"}
PUBLISHER_PORT = 9478
OLDEST = "1.29.0"  # whose init containers may be sidecars
each_container = pytest.mark.parametrize("name", CONTAINERS)


def named(kind: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in manifests() if each["kind"] == kind}


def test_these_are_all() -> None:
    listed = {FOLDER / name for name in kustomization()["resources"]}
    made = {FOLDER / name for names in generated().values() for name in names}
    there = set(FOLDER.rglob("*.yaml")) - set((FOLDER / "monitoring").iterdir())
    assert there == listed | made | {FOLDER / "kustomization.yaml"}
    assert CONTAINERS.keys() == TALKING | WAITING
    assert {each["kind"] for each in workloads()} == set(WORKLOADS)


@pytest.mark.parametrize("version", [OLDEST, "latest"])
def test_every_manifest_is_of_its_kind(version: str) -> None:
    validator: Any = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate is not installed: its schemas are not there"
    )
    asked = validator.latest_version() if version == "latest" else version
    for each in manifests():
        validator.validate(each, asked, strict=True)
    wrong = {**next(workloads()), "spek": {}}
    with pytest.raises(validator.ValidationError, match="spek"):
        validator.validate(wrong, asked, strict=True)


@each_container
def test_a_container_may_little(name: str) -> None:
    found = CONTAINERS[name]
    may = found.spec["securityContext"]
    pod = found.pod["securityContext"]
    assert may["readOnlyRootFilesystem"] is True
    assert may["privileged"] is False
    assert may["capabilities"] == ({"drop": ["ALL"]} | ({"add": ["NET_RAW"]} if name == SENSOR else {}))
    assert may["allowPrivilegeEscalation"] is False
    assert not {"runAsUser", "runAsNonRoot", "seccompProfile", "procMount"} & may.keys()
    assert pod["runAsNonRoot"] is True
    assert (pod["runAsUser"], pod["runAsGroup"]) == (65_532, 65_532)
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert found.pod["automountServiceAccountToken"] is False
    assert not {"hostPID", "hostIPC", "shareProcessNamespace"} & found.pod.keys()
    assert found.pod.get("hostNetwork", False) is (found.manifest["kind"] == "DaemonSet")
    assert not [each for each in found.pod["volumes"] if "hostPath" in each]


@each_container
def test_a_container_is_bounded(name: str) -> None:
    resources = CONTAINERS[name].spec["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert "memory" in resources["limits"]


@each_container
def test_a_container_is_asked_how_it_is(name: str) -> None:
    spec = CONTAINERS[name].spec
    probes = {kind: each["httpGet"]["path"] for kind, each in spec.items() if kind.endswith("Probe")}
    if name in WAITING:
        assert not probes
        return
    assert probes == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {f"{path}\n".encode() for path in probes.values()} <= set(INDEX.splitlines(keepends=True))
    assert spec["ports"] == [{"name": "metrics", "containerPort": METRICS_PORT}]
    assert {spec[kind]["httpGet"]["port"] for kind in probes} == {"metrics"}


@each_container
def test_a_container_runs_a_command_that_is_there(name: str) -> None:
    spec = CONTAINERS[name].spec
    captures = name == SENSOR
    assert spec.get("command") == (["/usr/bin/residency-capture"] if captures else None)
    command, *options = spec["args"]
    assert command in COMMANDS
    here = [str(EXAMPLE) if each.startswith("/") else each for each in options]
    found = LazyGroup().get_command(click.Context(LazyGroup()), command)
    assert found is not None
    assert "config" in found.make_context(command, here).params
    with pytest.raises(click.UsageError):
        found.make_context(command, [*here, "--no-such-option"])


@each_container
def test_a_container_reads_and_writes_what_is_mounted(name: str) -> None:
    found = CONTAINERS[name]
    namespace = found.manifest["metadata"]["namespace"]
    volumes = {each["name"]: each for each in found.pod["volumes"]}
    claims = {each["metadata"]["name"] for each in found.manifest["spec"].get("volumeClaimTemplates", ())}
    assert found.mounts().keys() <= volumes.keys() | claims
    config = volumes["config"]["configMap"]["name"]
    (argument,) = (each for each in found.spec["args"] if each.startswith("/"))
    folder, _, file = argument.rpartition("/")
    assert found.mounts()["config"] == folder
    assert file in {each.rpartition("/")[2] for each in generated()[namespace, config]}
    for each in found.spec["volumeMounts"]:
        volume = volumes.get(each["name"], {})
        assert each.get("readOnly", False) is ("configMap" in volume or "secret" in volume)
    for volume in volumes.values():
        if "secret" in volume:
            assert volume["secret"]["defaultMode"] == 0o440


def test_only_who_talks_to_brokers_has_their_password() -> None:
    assert {name for name, each in CONTAINERS.items() if "kafka" in each.mounts()} == {
        "residency-sensor/publish",
        "residency-correlator/correlator",
        "residency-recorder/recorder",
    }


def test_the_publisher_ends_after_the_sensor() -> None:
    (sidecar,) = CONTAINERS[SENSOR].pod["initContainers"]
    assert (sidecar["name"], sidecar["restartPolicy"]) == ("publish", "Always")
    publisher = CONTAINERS["residency-sensor/publish"]
    assert publisher.mounts()["spool"] == CONTAINERS[SENSOR].mounts()["spool"]


def test_each_partition_has_one_recorder() -> None:
    recorder = named("StatefulSet")["residency-recorder"]
    assert recorder["spec"]["replicas"] == 1
    (claim,) = recorder["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    only = {each.name: each.spec["args"][-1] for each in containers() if "--only" in each.spec["args"]}
    assert only == {"residency-correlator/correlator": "correlate", "residency-recorder/recorder": "record"}


def test_accounts_have_no_token_and_every_pod_has_one_of_them() -> None:
    accounts = named("ServiceAccount")
    assert {each["automountServiceAccountToken"] for each in accounts.values()} == {False}
    assert {each.pod["serviceAccountName"] for each in CONTAINERS.values()} == set(accounts)


def test_correlators_have_a_namespace_without_rights() -> None:
    enforced = {
        name: each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for name, each in named("Namespace").items()
    }
    assert enforced == {"residency-sensors": "privileged", "residency": "restricted"}
    assert {each["metadata"]["namespace"] for each in workloads() if each["kind"] != "DaemonSet"} == {
        "residency"
    }


def selected(labels: dict[str, str], namespace: str) -> set[str]:
    return {
        each["metadata"]["name"]
        for each in workloads()
        if each["metadata"]["namespace"] == namespace
        and labels.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    }


def asked_ports(service: str) -> dict[str, int]:
    """Return where Prometheus asks the pods of a service, by name: of sensors the publisher, too."""
    publisher = {"publisher": PUBLISHER_PORT} if service == "residency-sensor" else {}
    return {"metrics": METRICS_PORT, **publisher}


def test_selectors_select_their_pods() -> None:
    for each in workloads():
        labels = each["spec"]["selector"]["matchLabels"]
        assert selected(labels, each["metadata"]["namespace"]) == {each["metadata"]["name"]}
    for name, service in named("Service").items():
        assert selected(service["spec"]["selector"], service["metadata"]["namespace"]) == {name}
        ports = {(port["name"], port["targetPort"], port["port"]) for port in service["spec"]["ports"]}
        assert ports == {(port, port, number) for port, number in asked_ports(name).items()}
    (budget,) = named("PodDisruptionBudget").values()
    assert selected(budget["spec"]["selector"]["matchLabels"], "residency") == {"residency-correlator"}
    assert budget["spec"]["maxUnavailable"] < named("Deployment")["residency-correlator"]["spec"]["replicas"]


def test_prometheus_finds_every_service() -> None:
    monitors = manifests(FOLDER / "monitoring")
    services = named("Service")
    assert {each["metadata"]["name"] for each in monitors} == set(services)
    for each in monitors:
        assert (each["apiVersion"], each["kind"]) == ("monitoring.coreos.com/v1", "ServiceMonitor")
        service = services[each["metadata"]["name"]]["metadata"]
        assert each["metadata"]["namespace"] == service["namespace"]
        assert each["spec"].keys() == {"selector", "endpoints"}
        assert each["spec"]["selector"]["matchLabels"].items() <= service["labels"].items()
        endpoints = each["spec"]["endpoints"]
        assert {endpoint["port"] for endpoint in endpoints} == asked_ports(each["metadata"]["name"]).keys()
        for endpoint in endpoints:
            assert endpoint["path"] == "/metrics"
            assert re.fullmatch(r"\d+s", endpoint["interval"])


def policies(namespace: str) -> dict[str, Manifest]:
    return {
        each["metadata"]["name"]: each["spec"]
        for each in manifests()
        if each["kind"] == "NetworkPolicy" and each["metadata"]["namespace"] == namespace
    }


def reached(rules: list[Manifest], direction: str) -> set[tuple[str, int]]:
    """Return namespaces and ports of the rules; each names a namespace, and ports."""
    return {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in rules
        for peer in rule[direction]
        for port in rule["ports"]
    }


BROKERS_AND_NAMES = {("kafka", 9093), ("kube-system", 53)}


@pytest.mark.parametrize(
    ("namespace", "name", "asks", "answers"),
    [
        (
            "residency-sensors",
            "residency-sensor",
            BROKERS_AND_NAMES,
            {("monitoring", METRICS_PORT), ("monitoring", PUBLISHER_PORT)},
        ),
        ("residency", "residency", BROKERS_AND_NAMES, {("monitoring", METRICS_PORT)}),
        ("residency", "residency-sinks", {("monitoring", 9093)}, set()),
    ],
)
def test_who_talks_to_whom(
    namespace: str, name: str, asks: set[tuple[str, int]], answers: set[tuple[str, int]]
) -> None:
    found = policies(namespace)
    assert found["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    policy = found[name]
    assert reached(policy["egress"], "to") == asks
    assert reached(policy.get("ingress", []), "from") == answers
    assert selected(policy["podSelector"]["matchLabels"], namespace)


def test_no_other_policy_opens_anything() -> None:
    assert policies("residency-sensors").keys() == {"default-deny", "residency-sensor"}
    assert policies("residency").keys() == {"default-deny", "residency", "residency-sinks"}


def test_the_image_is_of_this_version() -> None:
    (image,) = kustomization()["images"]
    assert image["newTag"] == __version__
    assert {each.spec["image"] for each in CONTAINERS.values()} == {image["name"]}


def test_secrets_are_named_and_not_there() -> None:
    assert not named("Secret")
    kept = {
        volume["secret"]["secretName"]
        for each in CONTAINERS.values()
        for volume in each.pod["volumes"]
        if "secret" in volume
    }
    guide = (FOLDER.parents[1] / "docs/85-deployment.md").read_text("utf-8")
    for namespace in named("Namespace"):
        for name in kept:
            assert f"kubectl -n {namespace} create secret generic {name}" in guide
