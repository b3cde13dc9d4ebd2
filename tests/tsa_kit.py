"""A time stamping authority (RFC 3161) out of openssl: a root, a signing certificate, and replies."""

import shutil
import subprocess
from pathlib import Path

import pytest

_CONFIG = """
[tsa]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
default_policy = 1.2.3.4.1
digests = sha256, sha512
signer_digest = sha256
ess_cert_id_alg = sha256
crypto_device = builtin
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[stamping]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


class Authority:
    """An authority in a folder; ``root`` is the certificate to trust."""

    def __init__(self, folder: Path, name: str = "Test TSA") -> None:
        self.openssl = shutil.which("openssl") or pytest.skip("openssl is not installed")
        folder.mkdir(parents=True)
        self.folder, self.root = folder, folder / "root.pem"
        (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self._run(
            "req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem", "-days", "30",
            "-subj", f"/CN={name} root", "-config", "openssl.cnf", "-extensions", "root",
        )  # fmt: skip
        self._run("req", "-new", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={name}")
        self._run(
            "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
            "-out", "tsa.pem", "-days", "30", "-extfile", "openssl.cnf", "-extensions", "stamping",
        )  # fmt: skip

    def reply(self, query: bytes) -> bytes:
        """Return the reply to a query, as the authority would send it."""
        (self.folder / "query.tsq").write_bytes(query)
        self._run(
            "ts", "-reply", "-queryfile", "query.tsq", "-out", "reply.tsr", "-config", "openssl.cnf",
            "-section", "tsa",
        )  # fmt: skip
        return (self.folder / "reply.tsr").read_bytes()

    def query(self, data: bytes, *options: str) -> bytes:
        """Return the query that openssl makes for these bytes."""
        (self.folder / "data").write_bytes(data)
        self._run("ts", "-query", "-data", "data", "-out", "made.tsq", *options)
        return (self.folder / "made.tsq").read_bytes()

    def verify(self, data: bytes, reply: bytes) -> None:
        """Have openssl itself verify a reply."""
        (self.folder / "data").write_bytes(data)
        (self.folder / "checked.tsr").write_bytes(reply)
        self._run("ts", "-verify", "-data", "data", "-in", "checked.tsr", "-CAfile", "root.pem")

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [self.openssl, *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr}"
