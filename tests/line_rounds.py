"""Kills both processes of the line at random moments, and says what came of it.

Run by test_line_rounds.py, and by hand: ``python -m tests.line_rounds --rounds 1000 --seed 7``.
"""

import argparse
import gc
import json
import os
import sys
import time
import traceback
from random import Random

from tests.courier_kit import Answer, Handler, Request, Server, answering, in_memory, serving, taken
from tests.line_children import Warden, World
from tests.line_judged import judge

BATCH = 16
AGE_NS = 3_600_000_000_000 * 24 * 2  # that packets are old: reminders are due


def hang_up(handler: Handler) -> None:
    """Take it, and say nothing."""
    handler.close_connection = True


def is_whole(request: Request) -> bool:
    """Tell whether all of it came ahead of a kill."""
    return len(request.body) == int(request.headers["Content-Length"])


def answers(chance: Random) -> list[Answer]:
    """Return what the receiver says: it fails now and then."""
    busy, slow = answering(503, Retry_After="0"), answering(429, Retry_After="0")
    return [chance.choice((busy, slow, hang_up)) if chance.random() < 0.004 else taken for _ in range(10_000)]


def main() -> int:
    """Have so many rounds; print figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.line_rounds")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    began = time.monotonic()
    with in_memory() as folder:
        server = Server()
        server.answers = answers(Random(asked.seed))
        url = f"http://127.0.0.1:{server.server_port}/"
        world = World(
            folder,
            {"type": "jsonl", "name": "file", "path": str(folder / "file.jsonl"), "batch": BATCH},
            {"type": "webhook", "name": "hook", "url": url, "batch": BATCH},
            base_ns=time.time_ns() - AGE_NS,
        )
        child = os.fork()  # ahead of the server's threads
        if not child:
            server.server_close()
            _watch_over(world, asked.rounds, asked.seed)
        with serving(server):
            _, status = os.waitpid(child, 0)
        log = (folder / "deliver.log").read_text("utf-8")
        assert "Traceback" not in log, log
        if status:
            return 1
        told = json.loads((folder / "told.json").read_text())
        last = json.loads((folder / "last.json").read_text())
        assert last["grown"] == last["counted"], last
        assert last["problem"] is None
        found = judge(world, told["acknowledged"], [each.body for each in server.requests if is_whole(each)])
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"rounds": asked.rounds, **told["kills"], **found, "seconds": seconds}))  # noqa: T201
    return 0


def _watch_over(world: World, rounds: int, seed: int) -> None:
    status = 1
    gc.freeze()  # what all have is not copied for each
    warden = Warden(world, seed)
    try:
        for _ in range(rounds):
            warden.round()
        warden.end()
        told = {"acknowledged": warden.acknowledged, "kills": warden.kills}
        (world.folder / "told.json").write_text(json.dumps(told))
        status = 0
    finally:
        if status:
            traceback.print_exc()
        warden.abandon()
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
