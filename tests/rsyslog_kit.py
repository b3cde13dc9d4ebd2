"""A real rsyslogd that writes what it understood of each message to a file, as JSON."""

import json
from pathlib import Path

from tests.certificates_kit import Authority
from tests.sinks_kit import HOST, Program, free_port

_PROPERTIES = {
    "raw": "rawmsg", "host": "hostname", "pri": "pri", "msgid": "msgid", "app": "app-name",
    "data": "structured-data", "at": "timereported", "text": "msg",
}  # fmt: skip
_TLS = """
global(defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{crt}"
       defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.Name="gtls" streamDriver.Mode="1" streamDriver.AuthMode="{mode}")
"""


class Rsyslog(Program):
    """One server, with TLS where there is an authority: with ``mutual``, it wants a certificate of ours."""

    def __init__(
        self, folder: Path, authority: Authority | None = None, *, expired: bool = False, mutual: bool = False
    ) -> None:
        port = free_port()
        self._file = folder / "messages.jsonl"
        load = 'module(load="imtcp")'
        if authority is not None:
            crt, key = authority.issue(expired=expired)
            load = _TLS.format(ca=authority.ca, crt=crt, key=key, mode="x509/certvalid" if mutual else "anon")
        self._write(folder, port, load)
        command: list[str | Path] = ["rsyslogd", "-n", "-f", folder / "rsyslog.conf", "-i", folder / "pid"]
        super().__init__(command, folder, port)

    def messages(self) -> list[dict[str, str]]:
        """Return what has arrived: whole lines only."""
        if not self._file.exists():
            return []
        lines = self._file.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def _write(self, folder: Path, port: int, load: str) -> None:
        properties = "\n".join(
            f'property(outname="{name}" name="{what}" format="jsonf"'
            + (' dateFormat="rfc3339")' if name == "at" else ")")
            for name, what in _PROPERTIES.items()
        )
        (folder / "rsyslog.conf").write_text(
            f"""{load}
global(workDirectory="{folder}")
input(type="imtcp" port="{port}" address="{HOST}")
template(name="told" type="list" option.jsonf="on") {{
{properties}
}}
action(type="omfile" file="{self._file}" template="told")
"""
        )
