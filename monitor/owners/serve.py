"""The helper: a process of its own that looks up owners for the daemon, which may not (`python -m`).

It keeps the rights to look at others, where the daemon had them, and is under no Landlock, which would close
every other process to it. So it is asked nothing but whose a five-tuple is, and ends when the daemon does.
"""

import signal
import socket
import sys
import time

import msgspec

from monitor.owners.finder import Finder
from monitor.owners.link import UnansweredError
from monitor.owners.outcomes import DATAGRAM_BYTES, Answer, Question, Ready
from sensors import confinement
from sensors.confinement import ConfinementError

RIGHTS = ("cap_sys_ptrace", "cap_dac_read_search")  # both, to see what files others have open
_LEFT_TO_THE_DAEMON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def main() -> None:
    """Serve the socket whose descriptor is the first argument, as the user who is the second."""
    for each in _LEFT_TO_THE_DAEMON:
        signal.signal(each, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as daemon:
        try:
            finder = Finder(time.monotonic_ns)
            finder.check()
            give_up_rights(sys.argv[2])
        except (OSError, UnansweredError, ConfinementError) as error:
            daemon.send(msgspec.msgpack.encode(Ready(str(error))))
            return
        daemon.send(msgspec.msgpack.encode(Ready()))
        serve(daemon, finder)


def give_up_rights(user: str) -> None:
    """Keep the rights to look at processes, and no other; without the native engine not even these.

    Raises ConfinementError.
    """
    confinement.drop_privileges(user, RIGHTS)
    confinement.confine(confinement.Rules(landlock=False, sock_diag=True))


def serve(daemon: socket.socket, finder: Finder) -> None:
    """Answer questions one by one."""
    decoder = msgspec.msgpack.Decoder(Question)
    while data := daemon.recv(DATAGRAM_BYTES):
        asked = decoder.decode(data)
        outcome, owner = finder.find(asked.flow)
        try:
            daemon.send(msgspec.msgpack.encode(Answer(asked.number, outcome, owner)))
        except BrokenPipeError:  # the daemon ended before it could hear
            return


if __name__ == "__main__":
    main()
