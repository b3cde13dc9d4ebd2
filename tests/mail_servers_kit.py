"""A real mail server (aiosmtpd) that keeps what it takes, and refuses whom and what a test says."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from pathlib import Path
from typing import cast

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.sinks_kit import HOST, free_port

USER, PASSWORD = "residency", "correct horse"


class Taken(msgspec.Struct, frozen=True):
    """A mail as it arrived: the envelope's recipients, and the message."""

    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def text(self) -> str:
        """The message's text, with simple line breaks."""
        return str(self.message.get_content()).replace("\r\n", "\n")


class Postmaster:
    """What the server does. ``refused`` are answers to recipients, ``answer`` the one to a mail."""

    def __init__(self) -> None:
        self.mails: list[Taken] = []
        self.refused: dict[str, str] = {}
        self.answer = "250 OK"
        self.sender_answer = "250 OK"

    async def handle_MAIL(  # noqa: N802  aiosmtpd's names
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        """Answer MAIL."""
        if self.sender_answer.startswith("250"):
            envelope.mail_from = address
        return self.sender_answer

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        """Answer RCPT."""
        answer = self.refused.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer DATA."""
        if self.answer.startswith("250"):
            content = cast("bytes", envelope.original_content)
            message = message_from_bytes(content, policy=POLICY)
            self.mails.append(Taken(tuple(envelope.rcpt_tos), message))
        return self.answer


@contextmanager
def mail_server(
    postmaster: Postmaster, security: str = "none", certificate: tuple[Path, Path] | None = None
) -> Iterator[int]:
    """Run a server; yield its port. With a certificate it wants a login."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    port = free_port()
    controller = Controller(
        postmaster,
        HOST,
        port,
        ssl_context=context if security == "tls" else None,
        tls_context=context if security == "starttls" else None,
        require_starttls=security == "starttls",
        auth_required=context is not None,
        auth_require_tls=security == "starttls",
        authenticator=_authenticate,
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def _authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, data: object) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=known, handled=False)
