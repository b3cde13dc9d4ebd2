"""Units and containers, read from the paths of cgroups as they are found on hosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.owners.units import container_of, unit_of

ID = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
OTHER = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
POD = "8d9e9aa5-1f2c-4c0b-8f43-6a2f7d3f9b10"
POD_SLICE = f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice"
USER = "user.slice/user-1000.slice/user@1000.service"

PATHS = [
    ("/", None, None),
    ("/init.scope", "init.scope", None),
    ("/system.slice/nginx.service", "nginx.service", None),
    ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", None),
    (r"/system.slice/dev-disk-by\x2duuid.swap", r"dev-disk-by\x2duuid.swap", None),
    ("/system.slice/cron.service/worker", "cron.service", None),
    ("/system.slice/_memory.service", "memory.service", None),  # systemd marks the kernel's words
    ("/user.slice/user-0.slice/session-4.scope", "session-4.scope", None),
    (f"/{USER}", "user@1000.service", None),
    (f"/{USER}/init.scope", "user@1000.service/init.scope", None),
    (f"/{USER}/app.slice/app-firefox-2.scope", "user@1000.service/app-firefox-2.scope", None),
    (f"/{USER}/nginx.service", "user@1000.service/nginx.service", None),  # not the system's nginx
    (f"/system.slice/docker-{ID}.scope", f"docker-{ID}.scope", f"docker:{ID}"),
    (f"/docker/{ID}", None, f"docker:{ID}"),
    (f"/docker/{ID}/init", None, f"docker:{ID}"),
    (f"/docker/{ID}/docker/{OTHER}", None, f"docker:{ID}"),  # Docker in Docker
    (f"/system.slice/docker-{ID}.scope/docker/{OTHER}", f"docker-{ID}.scope", f"docker:{ID}"),
    (f"/ecs/{POD}/{ID}", None, f"docker:{ID}"),
    (f"/{POD_SLICE}/cri-containerd-{ID}.scope", f"cri-containerd-{ID}.scope", f"containerd:{ID}"),
    (f"/{POD_SLICE}/docker-{ID}.scope", f"docker-{ID}.scope", f"docker:{ID}"),
    (f"/{POD_SLICE}/crio-{ID}.scope", f"crio-{ID}.scope", f"cri-o:{ID}"),
    (f"/{POD_SLICE}/crio-conmon-{ID}.scope", f"crio-conmon-{ID}.scope", None),  # the monitor beside it
    (
        f"/system.slice/containerd.service/kubepods-besteffort-pod{POD}.slice:cri-containerd:{ID}",
        "containerd.service",
        f"containerd:{ID}",
    ),
    (f"/kubepods/burstable/pod{POD}/{ID}", None, f"kubernetes:{ID}"),
    (f"/kubepods/pod{POD}/crio-{ID}", None, f"cri-o:{ID}"),
    (f"/system.slice/nerdctl-{ID}.scope", f"nerdctl-{ID}.scope", f"containerd:{ID}"),
    (f"/machine.slice/libpod-{ID}.scope/container", f"libpod-{ID}.scope", f"podman:{ID}"),
    (f"/machine.slice/libpod-conmon-{ID}.scope", f"libpod-conmon-{ID}.scope", None),
    (f"/libpod_parent/libpod-{ID}", None, f"podman:{ID}"),
    (
        f"/{USER}/user.slice/libpod-{ID}.scope/container",
        f"user@1000.service/libpod-{ID}.scope",
        f"podman:{ID}",
    ),
    ("/lxc.payload.web-1/system.slice/nginx.service", None, "lxc:web-1"),
    ("/lxc/web-1", None, "lxc:web-1"),
    (r"/machine.slice/machine-qemu\x2d1\x2dvm.scope", r"machine-qemu\x2d1\x2dvm.scope", None),
    (f"/system.slice/docker-{ID[:-1]}.scope", f"docker-{ID[:-1]}.scope", None),  # no whole identifier
    ("/system.slice/a b.service", None, None),  # not systemd's alphabet
    ("/system.slice/evil\n.service", None, None),
    ("/system.slice/nginx.service\n", None, None),
]


@pytest.mark.parametrize(("path", "unit", "container"), PATHS)
def test_paths(path: str, unit: str | None, container: str | None) -> None:
    assert (unit_of(path), container_of(path)) == (unit, container)


@given(st.lists(st.text(max_size=80)).map(lambda parts: "/" + "/".join(parts)))
def test_whatever_is_told_is_printable(path: str) -> None:
    for told in (unit_of(path), container_of(path)):
        assert told is None or (told.isascii() and told.isprintable() and len(told) <= len(path) + 12)
