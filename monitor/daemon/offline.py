"""Takes the daemon's place for one request of an operator, where no daemon runs.

It holds the same locks, first brings the findings up to the ledger as a start does, and leaves nothing that
the daemon could not write: it refuses to work as another user.
"""

import os
from contextlib import closing

from monitor.app import Knowledge
from monitor.daemon.opening import open_recording
from monitor.files import InputError
from monitor.outbox.actions import Answer, Request
from monitor.recording.acting import act
from monitor.settings import Settings


def act_offline(settings: Settings, knowledge: Knowledge, request: Request, now_ns: int) -> Answer:
    """Do it in place of a daemon that does not run. Raises InputError, OSError, OutboxError."""
    _require_owner(settings)
    recording, catching_up, filing, _ = open_recording(settings, knowledge, now_ns)
    with closing(recording):
        catching_up.run()
        answer = act(recording, filing, request, now_ns)
        if answer.status == "pending" and recording.owed:  # and nobody is left to pay
            return Answer("refused", f"nothing changed: {answer.says}")
        return answer


def _require_owner(settings: Settings) -> None:
    """Refuse to leave files that the daemon could not write. Raises InputError."""
    for place in (settings.state, settings.ledger, settings.ledger_key):
        try:
            found = place.stat()
        except OSError as error:
            problem = (error.strerror or "it cannot be looked at").lower()
            raise InputError(str(place), problem, "start the daemon once, which makes it") from None
        if found.st_uid != os.geteuid():
            user = f"setpriv --reuid={found.st_uid} --regid={found.st_gid} --clear-groups"
            mend = f"run it as that user: {user} residency findings ..."
            raise InputError(str(place), f"it belongs to user {found.st_uid}, and no daemon runs", mend)
