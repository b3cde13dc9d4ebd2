"""Process attribution: who on this host owns a connection's client socket. Nothing is guessed."""

from monitor.owners.outcomes import OUTCOMES, OwnerOutcome
from monitor.owners.owners import Owners, OwnersUnavailableError

__all__ = ["OUTCOMES", "OwnerOutcome", "Owners", "OwnersUnavailableError"]
