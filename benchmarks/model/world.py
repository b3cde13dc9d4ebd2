"""Who is where, and does how much: sites, clients' slots by the product's own function, the day. Seeded."""

import math

import numpy as np
import numpy.typing as npt

from benchmarks.model.plan import HOUR_S, Plan
from sensors.slots import SLOTS, slot_of

Array = npt.NDArray[np.float64]

KEY = b"a key of a model" * 2
BUSIEST_HOUR = 14.0


def client_address(number: int) -> str:
    """Return the address of a client of the fleet, in 10.0.0.0/8."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def slots(plan: Plan) -> npt.NDArray[np.int64]:
    """Return the slot of each sensor's clients, the busiest first."""
    found = [slot_of(client_address(each), KEY) for each in range(plan.sensors * plan.clients)]
    return np.array(found).reshape(plan.sensors, plan.clients)


def slot_shares(plan: Plan, places: npt.NDArray[np.int64]) -> Array:
    """Return, of each sensor, what share of its observations is each slot's."""
    shares = np.zeros((plan.sensors, SLOTS))
    weights = zipf(plan.clients, plan.skew)
    every = gateway_step(plan)
    for sensor in range(plan.sensors):
        mine = weights
        if every and sensor % every == 0:
            mine = with_gateway(weights, plan.gateway_share)
        shares[sensor] = np.bincount(places[sensor], mine, SLOTS)
    return shares


def zipf(count: int, exponent: float) -> Array:
    """Return shares by rank that add up to 1."""
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    shares: Array = weights / weights.sum()
    return shares


def with_gateway(weights: Array, share: float) -> Array:
    """Return shares of which the first one's is a gateway's, where it is less than that."""
    if weights[0] >= share or len(weights) == 1:
        return weights
    others = weights[1:] / weights[1:].sum() * (1 - share)
    return np.concatenate(([share], others))


def gateway_step(plan: Plan) -> int:
    """Return how many sites there are to each that has a gateway, the largest first; 0 where none has."""
    return round(1 / plan.gateways) if plan.gateways else 0


def day_factor(hour: float, night: float) -> float:
    """Return the load at an hour of the day, 1 in the busiest."""
    return night + (1 - night) * (1 + math.cos(2 * math.pi * (hour - BUSIEST_HOUR) / 24)) / 2


def loads(plan: Plan) -> Array:
    """Return each sensor's load in each step, as a multiple of its busiest hour's without bursts."""
    chance = np.random.default_rng(plan.seed)
    hours = (np.arange(plan.steps) + 0.5) * plan.step_seconds / HOUR_S
    day = np.array([day_factor(hour % 24, plan.night) for hour in hours])
    found: Array = np.repeat(day[:, None], plan.sensors, axis=1)
    length = max(round(plan.burst_minutes * 60 / plan.step_seconds), 1)
    counts = chance.poisson(plan.bursts_a_day * plan.hours / 24, plan.sensors)
    for sensor, count in enumerate(counts):
        for begin in chance.integers(0, plan.steps, count):
            found[begin : begin + length, sensor] = day[begin : begin + length] * plan.burst_factor
    return found


def mean_day_factor(plan: Plan) -> float:
    """Return the load of a whole day, bursts included, as a multiple of the busiest hour's."""
    day = (1 + plan.night) / 2
    in_bursts = min(plan.bursts_a_day * plan.burst_minutes / 1_440, 1.0)
    return day * (1 + in_bursts * (plan.burst_factor - 1))
