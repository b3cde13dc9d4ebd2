"""What is asked of the model: the fleet, its traffic, its brokers, and what happens to it."""

import msgspec

from monitor.fleet.config import Merging
from sensors.publishing import LINGER_NS
from sensors.slots import SLOTS

HOUR_S = 3_600
GIB = 2**30


class Plan(msgspec.Struct, frozen=True):
    """A fleet. ``gbit`` is of all sensors together in the busiest hour, without bursts.

    ``skew`` and ``site_skew`` are Zipf's exponents: of clients at a site, and of sites. A share of sites has
    a gateway (``gateways``): one address that makes ``gateway_share`` of what is observed there.
    ``headroom`` is how much of a core may be busy in the busiest hour, ``correlators`` how many there are
    (0: as many as are needed). The sensor ``absent`` (0: the largest) reaches no broker for ``absent_hours``
    from ``absent_from`` on; at ``dies_hour`` the correlator with the most to do dies (-1: none does).
    """

    sensors: int = 500
    partitions: int = 64
    gbit: float = 100.0
    clients: int = 2_000  # of each sensor
    skew: float = 1.0
    site_skew: float = 0.5
    gateways: float = 0.05
    gateway_share: float = 0.5
    night: float = 0.25  # of the busiest hour's load
    bursts_a_day: float = 2.0  # of each sensor
    burst_minutes: float = 10.0
    burst_factor: float = 3.0
    linger_ms: float = LINGER_NS / 1e6
    correlators: int = 0
    headroom: float = 0.6
    replicas: int = 3
    retention_hours: float = 6.0
    window_hours: float = 2.0
    hold_seconds: float = Merging().hold_seconds
    patience_seconds: float = Merging().patience_seconds
    held_bytes: int = Merging().held_bytes
    session_seconds: float = 45.0  # until a dead correlator is missed: librdkafka's session.timeout.ms
    spool_gib: float = 1.0
    uplink_mbit: float = 1_000.0
    absent: int = 250
    absent_from: float = 8.0  # o'clock of the first day
    absent_hours: float = 24.0
    dies_hour: float = 14.0
    hours: float = 48.0
    step_seconds: float = 30.0
    seed: int = 1

    @property
    def linger_s(self) -> float:
        """How long a sensor gathers, in seconds."""
        return self.linger_ms / 1e3

    @property
    def steps(self) -> int:
        """How many steps the simulated time has."""
        return max(round(self.hours * HOUR_S / self.step_seconds), 1)


class PlanError(ValueError):
    """A plan that cannot be. One line, with the mend."""


MAX_CLIENTS, MAX_STEPS = 5_000_000, 100_000
_BOUNDS: dict[str, tuple[float, float]] = {
    "sensors": (1, 10_000), "partitions": (1, SLOTS), "gbit": (0.001, 1e6), "clients": (1, 60_000),
    "skew": (0, 3), "site_skew": (0, 3), "gateways": (0, 1), "gateway_share": (0, 1), "night": (0, 1),
    "bursts_a_day": (0, 1_000), "burst_minutes": (0, 1_440), "burst_factor": (1, 100),
    "linger_ms": (10, 10_000), "headroom": (0.01, 1), "replicas": (1, 9), "retention_hours": (0, 10_000),
    "window_hours": (0, 1_000), "hold_seconds": (0.5, 3_600), "patience_seconds": (0.5, 3_600),
    "held_bytes": (2**20, 2**40), "session_seconds": (0, 3_600), "spool_gib": (0.0625, 16_384),
    "uplink_mbit": (0.001, 1e6), "absent_from": (0, 10_000), "absent_hours": (0, 10_000),
    "dies_hour": (-1, 10_000), "hours": (0.01, 10_000), "step_seconds": (1, 3_600), "seed": (0, 2**63),
}  # fmt: skip


def check(plan: Plan) -> None:
    """See that a plan can be. Raises PlanError."""
    for name, (least, most) in _BOUNDS.items():
        value = getattr(plan, name)
        if not least <= value <= most:
            option = "--" + name.replace("_", "-")
            raise PlanError(f"{option}: {value} is none; write a number from {least:,} to {most:,}")
    if not 0 <= plan.correlators <= plan.partitions:
        raise PlanError(
            f"--correlators: {plan.correlators}; write 1 to {plan.partitions}, or 0: as are needed"
        )
    if not 0 <= plan.absent < plan.sensors:
        raise PlanError(f"--absent: {plan.absent}; there are sensors 0 to {plan.sensors - 1}")
    if plan.sensors * plan.clients > MAX_CLIENTS:
        raise PlanError(f"--clients: more than {MAX_CLIENTS:,} in all; fewer of each sensor tell the same")
    if plan.steps > MAX_STEPS:
        raise PlanError(f"--step-seconds: {plan.steps:,} steps, more than {MAX_STEPS:,}; write a longer one")
