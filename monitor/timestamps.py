"""Time stamps of RFC 3161: what to send to an authority, and what its reply proves.

A time stamp says that these bytes existed at a time, by the word of an authority that the auditor trusts. It
needs rfc3161-client (extra ``timestamp``), which is imported when it is used, not before.
"""

import datetime as dt
import importlib.util
from collections.abc import Iterable

import msgspec
from cryptography import x509

from monitor.parquet import MissingExtraError

MAX_REPLY_BYTES = 1_000_000
MAX_CA_BYTES = 1_000_000


class TimestampError(Exception):
    """A reply does not prove what it should, or cannot be read. The message is a sentence."""


class Timestamp(msgspec.Struct, frozen=True):
    """When the bytes existed, at the latest, and by whose word."""

    time: dt.datetime
    authority: str
    serial: int


def require_timestamps() -> None:
    """Raise MissingExtraError unless time stamps can be asked for and verified."""
    if importlib.util.find_spec("rfc3161_client") is None:
        raise MissingExtraError(
            "time stamps need the timestamp extra; install it: pip install 'residency-monitor[timestamp]'"
        )


def timestamp_query(data: bytes) -> bytes:
    """Return the request for a time stamp over ``data`` (DER): that of ``openssl ts -query -sha256 -cert``.

    The same data gives the same request, so it has no nonce. Raises MissingExtraError.
    """
    require_timestamps()
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415  optional

    builder = TimestampRequestBuilder(data=data, hash_algorithm=HashAlgorithm.SHA256, nonce=False)
    return builder.build().as_bytes()


def verify_timestamp(reply: bytes, authorities: bytes, data: bytes) -> Timestamp:
    """Return what a reply (DER) proves of ``data``, by the certificates (PEM) that are trusted.

    Those that signed themselves are the roots. Raises TimestampError, MissingExtraError.
    """
    require_timestamps()
    from rfc3161_client import (  # noqa: PLC0415  optional
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )

    trusted = _certificates(authorities)
    roots = [each for each in trusted if each.issuer == each.subject]
    others = [each for each in trusted if each.issuer != each.subject]
    if not roots:
        raise TimestampError("among the trusted certificates is no root, which signed itself")
    try:
        response = decode_timestamp_response(reply)
        VerifierBuilder(roots=roots, intermediates=others).build().verify_message(response, data)
        signer = response.signed_data.signer_infos.pop()
        found = response.tst_info
        signed_by = (signer.issuer, signer.serial_number)
        authority = _subject(response.signed_data.certificates, signed_by)
        return Timestamp(found.gen_time, authority, found.serial_number)
    except (ValueError, VerificationError) as error:
        raise TimestampError(f"it does not hold: {error}") from None


def _certificates(data: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise TimestampError(f"the trusted certificates are not PEM: {error}") from None


def _subject(certificates: Iterable[bytes], signed_by: tuple[x509.Name, int]) -> str:
    """Return the name of the certificate that signed, as its issuer and number say which."""
    found = map(x509.load_der_x509_certificate, certificates)
    subjects = (each.subject for each in found if (each.issuer, each.serial_number) == signed_by)
    return next(subject.rfc4514_string() for subject in subjects)
