"""What the daemon is made of, put together by ``monitor.daemon.run``."""

from typing import TYPE_CHECKING

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from monitor.app import Knowledge
from monitor.daemon.health import Health
from monitor.daemon.interfaces import Interfaces
from monitor.daemon.notify import Supervisor
from monitor.daemon.pseudonyms import RotatingPseudonyms
from monitor.daemon.publishing import Publishing
from monitor.daemon.recorder import Recorder
from monitor.daemon.reloading import Reloading
from monitor.daemon.signals import Wishes
from monitor.metrics import Metrics
from monitor.pipeline import Pipeline
from monitor.settings import Settings
from sensors.live import LiveSensor

if TYPE_CHECKING:
    from monitor.owners import Owners


class Judge(Struct):
    """What decides now. A reload puts another in its place."""

    knowledge: Knowledge
    pipeline: Pipeline


class CommonParts(Struct, frozen=True, kw_only=True):
    """What every daemon has. ``publishing`` is there where the configuration asks for it."""

    settings: Settings
    sensor: LiveSensor
    judge: Judge
    metrics: Metrics
    health: Health
    interfaces: Interfaces
    supervisor: Supervisor
    wishes: Wishes
    reloading: Reloading
    log: FilteringBoundLogger
    publishing: Publishing | None = None


class Parts(CommonParts, frozen=True, kw_only=True):
    """One that judges. ``owners`` and ``pseudonyms`` are there where the configuration asks for them."""

    recorder: Recorder
    owners: "Owners | None" = None
    pseudonyms: RotatingPseudonyms | None = None
