"""Mail: one message a batch, each recipient answered for by itself.

What concerns the session (greeting, TLS, login, sender) is tried again; what the server will never take, the
message or a recipient, is dead. Who has the mail already does not get it again when the batch is repeated.
"""

import smtplib
from collections.abc import Sequence
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path

from monitor.files import InputError
from monitor.sink_options import SmtpOptions
from monitor.sinks.files import read_secret, tls_context
from monitor.sinks.guarded import Guard
from monitor.sinks.mail import mail
from monitor.sinks.plain import plain
from monitor.sinks.protocol import Dead, Delivered, Outcome, Parcel, RetryAfter
from monitor.sinks.reasons import reason_of
from monitor.sinks.smtp_session import Session

MAX_BATCH = 100  # findings that a person may read in one mail
MAX_ANSWER_BYTES = 65_536  # all that a server says in one session
_TOO_LARGE = 552  # RFC 1870 section 6.1: to MAIL already

Answers = dict[str, tuple[int, bytes]]


class SmtpSink:
    """A mail server. A connection for each batch: mails are rare."""

    def __init__(self, options: SmtpOptions, folder: Path) -> None:
        """Raises InputError where an address, the password's file or those of ``options.tls`` are no good."""
        self.name = options.name
        self.batch = min(options.batch, MAX_BATCH)
        self._options = options
        self._recipients = tuple(_address(options, each) for each in options.recipients)
        self._sender = _address(options, options.sender)
        self._context = None if options.security == "none" else tls_context(options.tls, folder)
        self._password = read_secret(options.password_file, folder) if options.password_file else ""
        self._reached: tuple[str, frozenset[str]] = "", frozenset()  # of the last mail: who has it

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Send one mail of all parcels."""
        message = mail(self._options, [parcel.event for parcel in parcels])
        identifier = message["Message-ID"]
        reached = self._reached[1] if self._reached[0] == identifier else frozenset()
        wanted = [each for each in self._recipients if each not in reached]
        try:
            refused = self._send(wanted, message.as_bytes())
        except smtplib.SMTPResponseException as error:
            return self._outcome_of(error)
        except smtplib.SMTPNotSupportedError as error:
            return self._later(plain(str(error)))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return self._later(reason_of(_cause(error)))
        reached |= frozenset(wanted) - refused.keys()
        self._reached = identifier, reached
        return self._outcome(refused, len(parcels), anyone=bool(reached))

    def close(self) -> None:
        """Nothing is held."""

    def _send(self, wanted: Sequence[str], message: bytes) -> Answers:
        """Hand the mail over; return who was refused, with the server's answer."""
        options, guard = self._options, Guard(self._options.timeout_seconds, MAX_ANSWER_BYTES)
        session = Session(guard, self._context, options.tls.server_name or options.host)
        try:
            session.open(options.host, options.port, wrapped=options.security == "tls")
            if options.security == "starttls":
                session.secure()
            if options.user is not None:
                session.login(options.user, self._password)
            session.ehlo_or_helo_if_needed()
            return _transaction(session, self._sender, wanted, message)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                session.quit()
            session.close()

    def _outcome_of(self, error: smtplib.SMTPResponseException) -> Outcome:
        """Say what the server's refusal of session, sender or message means."""
        said = _said((error.smtp_code, _bytes(error.smtp_error)))
        about_message = isinstance(error, smtplib.SMTPDataError) or error.smtp_code == _TOO_LARGE
        if about_message and error.smtp_code >= 500:
            return Dead(self._where(f"refuses the mail for ever: {said}"))
        what = "sender" if isinstance(error, smtplib.SMTPSenderRefused) else "session"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            what = "login"
        return self._later(f"refuses the {'mail' if about_message else what}: {said}")

    def _outcome(self, refused: Answers, parcels: int, *, anyone: bool) -> Outcome:
        """Say what it means that some recipients were refused."""
        later = {who: answer for who, answer in refused.items() if answer[0] < 500}
        if later:
            return self._later(f"refuses for now {_listed(later)}")
        if not refused:
            return Delivered()
        reason = self._where(f"refuses for ever {_listed(refused)}")
        # The others have the whole batch: only one parcel is left to stand for who has not.
        return Dead(f"{reason}; the other recipients have the mail", parcels - 1) if anyone else Dead(reason)

    def _later(self, reason: str) -> RetryAfter:
        return RetryAfter(self._where(reason))

    def _where(self, reason: str) -> str:
        return f"{self._options.host}:{self._options.port}: {reason}"


def _transaction(session: smtplib.SMTP, sender: str, wanted: Sequence[str], message: bytes) -> Answers:
    """Hand over one mail. Returns who was refused; raises SMTPResponseException where all of it was."""
    size = [f"size={len(message)}"] if session.has_extn("size") else []
    code, said = session.mail(sender, size)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, said, sender)
    answers = {each: session.rcpt(each) for each in wanted}
    refused = {who: answer for who, answer in answers.items() if answer[0] // 100 != 2}
    if len(refused) < len(wanted):
        code, said = session.data(message)
        if code != 250:
            raise smtplib.SMTPDataError(code, said)
    return refused


def _address(options: SmtpOptions, written: str) -> str:
    """Return an address as the envelope has it. Raises InputError."""
    try:
        address = Address(addr_spec=written)
    except (MessageError, ValueError, IndexError, AttributeError):
        address = Address()
    if not address.username or not address.domain or not written.isascii():
        mend = "write an address without a name: soc@example.org"
        raise InputError(f"sink {options.name}", f"{written!r} is no mail address", mend)
    return address.addr_spec


def _cause(error: BaseException) -> BaseException:
    """Return what smtplib calls a disconnection."""
    under = error.__context__
    is_cut = isinstance(error, smtplib.SMTPServerDisconnected)
    return under if is_cut and isinstance(under, OSError) else error


def _listed(answers: Answers) -> str:
    first = [f"{who} ({_said(answer)})" for who, answer in list(answers.items())[:5]]
    return ", ".join(first) + (f" and {len(answers) - 5} more" if len(answers) > 5 else "")


def _said(answer: tuple[int, bytes]) -> str:
    return plain(f"{answer[0]} {answer[1].decode('utf-8', 'replace')}", 200)


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode("utf-8", "replace")
