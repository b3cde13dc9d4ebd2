"""What a fleet needs in its busiest hour, and keeps: cores, brokers, storage, memory, and what that costs."""

import math

import msgspec
import numpy as np

from benchmarks.model.figures import Figures
from benchmarks.model.parcelling import Rates
from benchmarks.model.plan import HOUR_S, Plan
from benchmarks.model.running import OVERHEAD_BYTES
from benchmarks.model.work import Work
from benchmarks.model.world import mean_day_factor

DAY_S, YEAR_DAYS, MONTH_HOURS = 86_400, 365, 730
_NS = 1e-9


class Keeping(msgspec.Struct, frozen=True):
    """How long what is decided is kept, which share of decisions leads to an event, and what things cost.

    Prices are whoever's who asks. ``broker_mb`` is what one broker may write a second, in MB, and ``read_gb``
    what all storage of captures gives a second, in GB: measure yours.
    """

    ledger_days: float = 365.0
    archive_days: float = 1_095.0
    event_share: float = 0.1
    broker_mb: float = 100.0
    read_gb: float = 10.0
    core_hour: float = 0.04
    gb_month: float = 0.05


class Sizes(msgspec.Struct, frozen=True):
    """Cores are those that are busy at the most; rates are a second, in the busiest hour without bursts."""

    observations: float
    parcels: float  # of clients, each to one partition
    messages: float  # to brokers, with what goes to all partitions
    sensor_cores: float
    largest_sensor_cores: float
    publisher_cores: float
    largest_publisher_cores: float
    correlator_cores: float
    to_all_cores: float  # of these: what goes to all partitions
    decisions: float
    recorder_cores: float
    broker_in_bytes: float  # from sensors
    broker_written_bytes: float  # with all copies
    broker_out_bytes: float  # to correlators, and to one another
    topic_bytes: float  # on all brokers' disks
    brokers: int
    held_bytes: float  # of the busiest partition, while one sensor is behind
    ledger_bytes: float
    archive_bytes: float
    tb_a_day: float
    middle_mbit: float  # of the sensor in the middle
    largest_mbit: float


def sizes(plan: Plan, figures: Figures, keeping: Keeping, rates: Rates) -> Sizes:
    """Return what the busiest hour's rates need."""
    work = Work(figures, plan.partitions)
    observed = rates.observations.sum(axis=1) + rates.told
    gb_per_s = observed / max(figures.observations_per_gb.value, 1e-9)
    packets = gb_per_s * figures.packets_per_gb.value
    by_sensor = rates.parcels.sum(axis=1) + rates.names
    sensors = _NS * (
        packets * figures.live_packet_ns.value
        + observed * figures.publish_observation_ns.value
        + by_sensor * figures.publish_parcel_ns.value
    )
    publishers = work.publishing(rates)
    to_all = plan.partitions * work.to_all(rates)
    decisions = float(observed.sum()) * figures.decisions_per_observation.value
    recording_ns = figures.ledger_entry_ns.value + keeping.event_share * figures.outbox_event_ns.value
    came = float(work.sent_bytes(rates).sum())
    mean = mean_day_factor(plan)
    decided_a_day = decisions * mean * DAY_S
    topic = came * plan.replicas * plan.retention_hours * HOUR_S  # its busiest hours
    held = rates.observations * work.sizes.observation + rates.parcels * OVERHEAD_BYTES
    return Sizes(
        observations=float(observed.sum()),
        parcels=float(rates.parcels.sum()),
        messages=float(work.messages(rates).sum()),
        sensor_cores=float(sensors.sum()),
        largest_sensor_cores=float(sensors.max()),
        publisher_cores=float(publishers.sum()),
        largest_publisher_cores=float(publishers.max()),
        correlator_cores=float(work.correlating(rates.observations, rates.parcels).sum()) + to_all,
        to_all_cores=to_all,
        decisions=decisions,
        recorder_cores=decisions * recording_ns * _NS,
        broker_in_bytes=came,
        broker_written_bytes=came * plan.replicas,
        broker_out_bytes=came * plan.replicas,  # one reader, and the other copies
        topic_bytes=topic,
        brokers=max(math.ceil(came * plan.replicas / (keeping.broker_mb * 1e6)), plan.replicas),
        held_bytes=float(held.sum(axis=0).max()) * plan.hold_seconds,
        ledger_bytes=decided_a_day * keeping.ledger_days * figures.ledger_entry_bytes.value,
        archive_bytes=decided_a_day * keeping.archive_days * figures.archive_row_bytes.value,
        tb_a_day=plan.gbit / 8 * mean * DAY_S / 1_000,
        middle_mbit=float(np.median(gb_per_s)) * 8_000,
        largest_mbit=float(gb_per_s.max()) * 8_000,
    )


class Cost(msgspec.Struct, frozen=True):
    """By the month of 730 hours, and by the TB of traffic. ``cores`` are those that are paid for."""

    cores: float
    stored_gb: float
    a_month: float
    a_tb: float


def cost(plan: Plan, keeping: Keeping, found: Sizes, correlators: int) -> Cost:
    """Return what a fleet's centre costs: correlators, recorders, brokers (a core each), and what they keep.

    Sensors run on hosts that are there. Cores are paid all day long, by the busiest hour.
    """
    cores = correlators + math.ceil(found.recorder_cores / plan.headroom) + found.brokers
    stored_gb = (found.topic_bytes + found.ledger_bytes + found.archive_bytes) / 1e9
    a_month = cores * MONTH_HOURS * keeping.core_hour + stored_gb * keeping.gb_month
    tb_a_month = found.tb_a_day * MONTH_HOURS / 24
    return Cost(float(cores), stored_gb, a_month, a_month / tb_a_month)


class Batch(msgspec.Struct, frozen=True):
    """Replaying captures: processor time, what is kept, and what it costs. ``gb`` are of captures."""

    gb: float
    core_hours: float
    hours: float  # that storage takes to give all of it, once
    parts_core_hours: float
    observations: float
    cache_gb: float  # of a replay in parts
    output_gb: float
    archive_gb: float
    cost: float
    cost_a_tb: float


def batch(gb: float, figures: Figures, keeping: Keeping) -> Batch:
    """Return what replaying so many GB takes, in one go each, and what the results cost for a month."""
    core_hours = gb * figures.replay_gb_seconds.value / HOUR_S
    observations = gb * figures.observations_per_gb.value
    decisions = observations * figures.decisions_per_observation.value
    output_gb = decisions * figures.output_decision_bytes.value / 1e9
    archive_gb = decisions * figures.archive_row_bytes.value / 1e9
    price = core_hours * keeping.core_hour + (output_gb + archive_gb) * keeping.gb_month
    return Batch(
        gb=gb,
        core_hours=core_hours,
        hours=gb / keeping.read_gb / HOUR_S,
        parts_core_hours=gb * figures.parts_gb_seconds.value / HOUR_S,
        observations=observations,
        cache_gb=gb * figures.parts_cache_share.value,
        output_gb=output_gb,
        archive_gb=archive_gb,
        cost=price,
        cost_a_tb=price / (gb / 1_000),
    )
