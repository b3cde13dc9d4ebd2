"""Opens what the configuration asks to watch, with the engine that is there."""

from monitor.config import Capture
from monitor.settings import Settings
from sensors.engine import choose
from sensors.interest import Interest
from sensors.live import LiveSensor, Manner, Rings

MAX_WAITING = 100_000  # connections that wait for the loop; then the least interesting are only counted
MAX_SNAP_BYTES = 262_144


def open_source(settings: Settings, interest: Interest) -> LiveSensor:
    """Open the rings. Takes the right to capture. Raises CaptureError and EngineError."""
    config = settings.config
    manner = Manner(interest, config.limits, config.name_limits, MAX_WAITING)
    if choose(config.capture.engine).engine == "native":
        from sensors.live_native import NativeLive  # noqa: PLC0415  loads the extension

        return NativeLive(rings(config.capture), manner)
    raise NotImplementedError


def rings(capture: Capture) -> Rings:
    """Return what is asked of the kernel."""
    snaplens = {"auto": None, "full": MAX_SNAP_BYTES}
    snaplen = capture.snaplen
    return Rings(
        interfaces=capture.interfaces,
        threads=capture.threads,
        ring_bytes=capture.ring_bytes,
        promiscuous=capture.promiscuous,
        snap_bytes=snaplens[snaplen] if isinstance(snaplen, str) else snaplen,
    )
