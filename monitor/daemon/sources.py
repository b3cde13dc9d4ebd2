"""Opens what the configuration asks to watch, with the engine that is there."""

from typing import TYPE_CHECKING

from monitor.config import READ_STATE, Capture
from monitor.files import InputError
from monitor.settings import Settings
from sensors.engine import EngineError, choose
from sensors.interest import Interest
from sensors.live import LiveSensor, Manner, Rings
from sensors.publishing import Publishing

if TYPE_CHECKING:
    from sensors.live_folder import Outlet

MAX_SNAP_BYTES = 262_144
NS_PER_MS = 1_000_000


def open_source(
    settings: Settings, interest: Interest, key: bytes | None = None, outlet: "Outlet | None" = None
) -> LiveSensor:
    """Open the interfaces, which takes the right to capture, or the folder. ``key`` is the fleet's.

    What a capture of a folder leads to is published by ``outlet``.

    Raises CaptureError, and InputError where the engine is not here.
    """
    config = settings.config
    manner = Manner(interest, config.limits, config.name_limits, publishing=_publishing(settings, key))
    try:
        engine = choose(config.capture.engine).engine
    except EngineError as error:
        raise InputError("capture.engine", str(error), "see `residency doctor`") from None
    if settings.watch is not None:
        from sensors.live_folder import watch_folder  # noqa: PLC0415  one of three

        return watch_folder(settings.watch, manner, engine, settings.state / READ_STATE, outlet)
    if engine == "native":
        from sensors.live_native import NativeLive  # noqa: PLC0415  loads the extension

        return NativeLive(rings(config.capture), manner)
    from sensors.live_reference import ReferenceLive  # noqa: PLC0415  one of three

    return ReferenceLive(rings(config.capture), manner)


def _publishing(settings: Settings, key: bytes | None) -> Publishing | None:
    asked = settings.config.publish
    if asked is None or key is None:
        return None
    return Publishing(key, judge=asked.judge, linger_ns=asked.linger_ms * NS_PER_MS)


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
