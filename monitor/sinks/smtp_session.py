"""An SMTP session (smtplib's) under a guard: a server that talks without end, or slowly, comes to an end."""

import smtplib
import socket
import ssl
from typing import cast

from monitor.sinks.guarded import Guard, GuardedSocket

_READY = 220


class Session(smtplib.SMTP):
    """A session that is not open yet. ``name`` is whom the server's certificate has to name."""

    def __init__(self, guard: Guard, context: ssl.SSLContext | None, name: str) -> None:
        host = socket.gethostname()  # smtplib would ask the DNS, and wait for it
        super().__init__(local_hostname=host if "." in host and host.isascii() else "[127.0.0.1]")
        self._guard = guard
        self._context = context
        self._name = name
        self._bare: socket.socket | None = None

    def open(self, host: str, port: int, *, wrapped: bool) -> None:
        """Connect, with TLS first where it is ``wrapped``, and hear the greeting."""
        self._use(socket.create_connection((host, port), self._guard.left()), wrapped=wrapped)
        code, said = self.getreply()
        if code != _READY:
            raise smtplib.SMTPConnectError(code, said)

    def secure(self) -> None:
        """Go on under TLS: RFC 3207. What was heard before counts no longer."""
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError("it offers no STARTTLS")
        code, said = self.docmd("STARTTLS")
        if code != _READY:
            raise smtplib.SMTPResponseException(code, said)
        self.sock = self.file = None
        if self._bare is not None:
            self._use(self._bare, wrapped=True)
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def _use(self, sock: socket.socket, *, wrapped: bool) -> None:
        """Take a connected socket."""
        if wrapped and self._context is not None:
            try:
                sock.settimeout(self._guard.left())
                sock = self._context.wrap_socket(sock, server_hostname=self._name)
            except BaseException:
                sock.close()
                raise
        self._bare = sock
        self.sock = cast("socket.socket", GuardedSocket(sock, self._guard))
