"""The manifests of a fleet: what kustomization.yaml names, and the pods and containers in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.metrics_kit import ROOT

FOLDER = ROOT / "packaging/kubernetes"
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet")
Manifest = dict[str, Any]


class Contained(msgspec.Struct, frozen=True):
    """A container, and the manifest and pod that it is in."""

    manifest: Manifest
    pod: Manifest
    spec: Manifest

    @property
    def name(self) -> str:
        return f"{self.manifest['metadata']['name']}/{self.spec['name']}"

    def mounts(self) -> dict[str, str]:
        """Return the paths of its volumes, by name."""
        return {each["name"]: each["mountPath"] for each in self.spec["volumeMounts"]}


def documents(path: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def kustomization(folder: Path = FOLDER) -> Manifest:
    (found,) = documents(folder / "kustomization.yaml")
    return found


def manifests(folder: Path = FOLDER) -> list[Manifest]:
    """Return what is applied, but for what is made of files."""
    return [each for name in kustomization(folder)["resources"] for each in documents(folder / name)]


def workloads() -> Iterator[Manifest]:
    return (each for each in manifests() if each["kind"] in WORKLOADS)


def containers() -> Iterator[Contained]:
    for manifest in workloads():
        pod = manifest["spec"]["template"]["spec"]
        for spec in (*pod.get("initContainers", ()), *pod["containers"]):
            yield Contained(manifest, pod, spec)


def generated() -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the files of each ConfigMap, by namespace and name."""
    return {
        (each["namespace"], each["name"]): tuple(each["files"])
        for each in kustomization()["configMapGenerator"]
    }
