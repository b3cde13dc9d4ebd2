"""Makes large captures of a realistic egress mix, each with a truth file.

The same arguments give the same file. Memory follows the flows that are open at one time, not the size.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.traffic.truth import Totals

_FLOOD_GAP_NS = 10_000
_DEFAULT_PACKETS, _DEFAULT_FLOWS = 4_920_000, 200_000
_DEFAULT_LLM_SHARE = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    """Make one capture. Returns 0, or 2 where the numbers do not fit together."""
    options = _parse(arguments)
    from benchmarks.traffic.plan import UnfitSizeError  # noqa: PLC0415  numpy is not needed for --help

    started = time.perf_counter()
    try:
        totals = make(options)
    except UnfitSizeError as error:
        sys.stderr.write(f"make_traffic: {error}; change --packets or --flows\n")
        return 2
    seconds = time.perf_counter() - started
    sys.stderr.write(
        f"{options.out}: {totals.packets:,} packets, {totals.file_bytes / 1e9:.2f} GB, {totals.flows:,} flows"
        f" in {seconds:.1f} s ({totals.packets / seconds:,.0f} packets/s)\n"
    )
    return 0


def make(options: argparse.Namespace) -> "Totals":
    """Write the capture and the truth file that the options name."""
    import numpy as np  # noqa: PLC0415

    from benchmarks.traffic.generate import Generator, World  # noqa: PLC0415
    from benchmarks.traffic.hosts import load_hosts  # noqa: PLC0415
    from benchmarks.traffic.model import Kind  # noqa: PLC0415
    from benchmarks.traffic.plan import Size, client_count, endpoints, openings, plan  # noqa: PLC0415
    from benchmarks.traffic.truth import Truth  # noqa: PLC0415

    rng = np.random.default_rng(options.seed)
    hosts = load_hosts()
    if not options.llm_share:
        hosts = [host for host in hosts if host.llm or host.is_ordinary]
    if options.dns_flood:
        hosts = [hosts[at % len(hosts)].below(f"{at:08x}") for at in range(options.dns_flood)]
    single = options.syn_flood or options.concurrent
    spray = options.quic_spray or options.dns_flood
    if spray:
        flows = openings(spray, hosts, rng, Kind.DNS if options.dns_flood else Kind.QUIC)
    elif single:
        flows = openings(single, hosts, rng)
    else:
        flows = plan(Size(options.packets, options.flows, options.llm_share), hosts, rng)
    world = World(flows, hosts, endpoints(hosts, client_count(len(flows))))
    with options.out.open("wb") as out, options.truth.open("wb") as truth:
        generator = Generator(world, out, Truth(truth, options.seed), rng)
        if spray:
            return generator.spray(_FLOOD_GAP_NS)
        if options.syn_flood:
            return generator.syn_flood(_FLOOD_GAP_NS)
        return generator.concurrent(_FLOOD_GAP_NS) if options.concurrent else generator.mix()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=_DEFAULT_PACKETS)
    parser.add_argument("--flows", type=int, default=_DEFAULT_FLOWS, help="five-tuples, DNS included")
    parser.add_argument(
        "--llm-share", type=float, default=_DEFAULT_LLM_SHARE, help="of the mix's connections"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="the pcap to write")
    parser.add_argument("--truth", type=Path, help="the truth file; OUT.truth.jsonl, if not named")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--syn-flood", type=int, metavar="N", help="N unanswered SYNs instead of the mix")
    mode.add_argument(
        "--concurrent", type=int, metavar="N", help="N SYNs, then a ClientHello for each, instead of the mix"
    )
    mode.add_argument("--quic-spray", type=int, metavar="N", help="N QUIC Initials instead of the mix")
    mode.add_argument(
        "--dns-flood", type=int, metavar="N", help="N DNS exchanges of as many names instead of the mix"
    )
    options = parser.parse_args(arguments)
    single = (options.syn_flood, options.concurrent, options.quic_spray, options.dns_flood)
    if min(options.packets, options.flows, *(1 if number is None else number for number in single)) < 1:
        parser.error("numbers must be positive")
    if not 0 <= options.llm_share <= 1:
        parser.error("--llm-share must be from 0 to 1")
    options.truth = options.truth or options.out.with_name(options.out.name + ".truth.jsonl")
    return options


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
