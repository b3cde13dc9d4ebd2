"""Reads a capture through nfstream to flow records and drops them. Run by ``run.py``.

One meter, no statistics, else as it comes. ``--names OUT`` writes the server names that it saw, as JSON
lines; that is not for the clock. nfstream is no dependency: another Python, which has it, runs this.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Flows = Iterable[Any]


def drain(flows: Flows) -> int:
    """Iterate over all flows; return their packets."""
    return sum(flow.bidirectional_packets for flow in flows)


def note_names(flows: Flows, out: Path) -> None:
    """Write the name and five-tuple of every flow that is not DNS: there the name is the question."""
    with out.open("w") as file:
        for flow in flows:
            if flow.requested_server_name and flow.application_name.split(".")[0] != "DNS":
                ends = (flow.src_ip, flow.src_port, flow.dst_ip, flow.dst_port)
                tuple_ = dict(zip(("client", "client_port", "server", "server_port"), ends, strict=True))
                file.write(json.dumps({"flow": tuple_, "name": flow.requested_server_name}) + "\n")


def main(arguments: Sequence[str]) -> int:
    """Read FILE, or with ``FILE --names OUT`` its names."""
    from nfstream import NFStreamer  # type: ignore[import-not-found] # noqa: PLC0415  not in our environment

    flows = NFStreamer(source=arguments[0], n_meters=1, statistical_analysis=False)
    if len(arguments) > 1:
        note_names(flows, Path(arguments[2]))
    else:
        print(drain(flows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
