"""`digital-signature-validation`: RSASSA-PSS (RFC 8017) at the end of a text, or beside a file."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from mft.config.kinds import Context, FilePath, FilePaths, Kind, Maybe, Wrong, file_path
from mft.config.named_files import as_paths
from mft.config.section import NamedSection, option
from mft.core.failure import Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.inspection import signers
from mft.inspection.base import SIGNATURE, Means, Subject, Told, Verdict, fed, piece
from mft.inspection.changing import Kept
from mft.inspection.lines import LONGEST_LINE, LineLimit
from mft.inspection.signers import Signers

MAX_FIELD: Final = 4096  # characters of a signature; one by an RSA key of 16384 bits has 2732
MIN_SIGNATURE: Final = 256  # bytes: of a key of 2048 bits
MAX_SIGNATURE: Final = 2048
_HASHES: Final[Mapping[str, type[hashes.HashAlgorithm]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


def _list_path(text: str, context: Context | None) -> Path:
    """A file, or the URL of one."""
    url = text.strip()
    if url.startswith("file:"):
        return file_path(unquote(urlsplit(url).path), context)
    if "://" in url:
        raise Wrong("is not a file; fetch the list into one, which is read when it changes")
    return file_path(url, context)


ListFile = Annotated[
    Path, Kind("file, or its URL", "file:///etc/mft/signers.crl", _list_path, files=as_paths)
]


class SignatureRules(NamedSection):
    """Whose signature a file must have, and where it is."""

    shown: ClassVar[Mapping[str, str]] = {"enabled": "No"}  # its certificates are not there

    REFRESH: ClassVar[Mapping[str, str]] = {
        "ssl_certificate_revocation_list_refresh": "the list is read again when its file changes"
    }

    signer_certificate_path: FilePaths = option(
        "The X.509 certificates of who may sign, in PEM form; one valid signature is enough. A "
        "file may hold several, and is read again when it changes.",
        examples=["conf/certificates/signer.pem"],
    )
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates of who may certify signers, in PEM form: each signer must be issued by "
        "one of them. Empty: every signer counts until it expires.",
        None,
        examples=["conf/certificates/signers-ca.pem"],
    )
    ssl_certificate_revocation_list: Maybe[ListFile] = option(
        "A file with the revocation list of the authority, in PEM or DER form. One that is "
        "missing or has expired makes the inspection impossible.",
        None,
        examples=["file:///etc/mft/signers.crl"],
    )
    signature_hash: Literal["sha256", "sha384", "sha512"] = option(
        "The hash of the signature, for the text and for MGF1.", "sha256", ours=True
    )
    signature_format: Literal["field", "detached"] = option(
        "`field`: the signature in base64 is the last comma separated field of a text, and signs "
        "all that is before its comma. `detached`: it is in a file of the same name and `.sig` "
        "behind it, in base64 or as it is, and signs the whole file.",
        "field",
        ours=True,
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of certificates that cannot be used."""
        yield from super().check(context)
        if not self.enabled:
            return
        if self.ssl_certificate_revocation_list is not None and not self.ssl_certificate_authority:
            yield Wrong("needs ssl_certificate_authority", option="ssl_certificate_revocation_list")
        try:
            self.signers()
        except (ValueError, OSError) as error:
            yield Wrong(f"cannot be used: {error}", option="signer_certificate_path")

    def signers(self) -> Signers:
        """Read the certificates; blocks. Raises ValueError."""
        return signers.load(
            self.signer_certificate_path,
            self.ssl_certificate_authority,
            self.ssl_certificate_revocation_list,
        )


class SignatureInspection:
    """An `Inspection`: the file has a signature that one of the signers made."""

    def __init__(self, rules: SignatureRules, means: Means) -> None:
        self._rules = rules
        self._disk = means.disk
        files = (rules.ssl_certificate_authority, rules.ssl_certificate_revocation_list)
        paths = [*rules.signer_certificate_path, *(path for path in files if path is not None)]
        self._signers = Kept(paths, rules.signers)
        self._algorithm = _HASHES[rules.signature_hash]()
        self.ending = SIGNATURE if rules.signature_format == "detached" else ""

    async def start(self) -> None:
        """Read the certificates; raises ValueError or OSError."""
        await self._disk(self._signers.get)

    async def inspect(self, subject: Subject) -> Verdict:
        """Verify the signature; the file is read once, and hashed block by block."""
        if self.ending and subject.path.endswith(self.ending):
            return await self._of_signature(subject)
        try:
            judged = (await self._disk(self._signers.get)).at(datetime.now(UTC))
        except (ValueError, OSError) as error:
            return Verdict.unable(f"the signers are not known: {error}")
        if not judged.keys:
            return _invalid(subject, "; ".join(judged.refused) or "there is no signer")
        if self._rules.signature_format == "detached":
            return await self._detached(subject, judged.keys)
        return await self._field(subject, judged.keys)

    async def _field(self, subject: Subject, keys: tuple[rsa.RSAPublicKey, ...]) -> Verdict:
        start = max(subject.size - MAX_FIELD - 1, 0)
        tail = await piece(subject, start, subject.size - start)
        comma = tail.rfind(b",")
        if comma < 0:
            details = f"there is no comma in the last {MAX_FIELD} bytes, and so no signature"
            return _invalid(subject, details)
        signature = _decoded(tail[comma + 1 :].strip().strip(b'"'))
        if signature is None:
            return _invalid(subject, "the last field is not a signature in base64")
        hasher, limit = hashes.Hash(self._algorithm), LineLimit()

        def take(view: memoryview) -> bool:
            hasher.update(view)
            return limit.take(view)

        await fed(subject, self._disk, take, start + comma)
        limit.take(memoryview(tail[comma:]))
        if limit.finish():
            return _invalid(subject, f"a line has more than {LONGEST_LINE} characters")
        return await self._judged(subject, keys, signature, hasher.finalize())

    async def _detached(self, subject: Subject, keys: tuple[rsa.RSAPublicKey, ...]) -> Verdict:
        try:
            text = await subject.beside(SIGNATURE, MAX_FIELD)
        except Refused as refused:
            return Verdict.unable(f"{subject.name}{SIGNATURE} cannot be read: {refused.details}")
        if text is None:
            details = f"there is no {subject.name}{SIGNATURE} beside it"
            return _invalid(subject, details, f"send {subject.name}{SIGNATURE} first")
        signature = _of_file(text)
        if signature is None:
            return _invalid(subject, f"{subject.name}{SIGNATURE} is not a signature")
        hasher = hashes.Hash(self._algorithm)
        await fed(subject, self._disk, hasher.update, subject.size)
        return await self._judged(subject, keys, signature, hasher.finalize())

    async def _judged(
        self,
        subject: Subject,
        keys: tuple[rsa.RSAPublicKey, ...],
        signature: bytes,
        digest: bytes,
    ) -> Verdict:
        if await self._disk(_verified, keys, signature, digest, self._algorithm):
            told = p.PathOf(subject.path, subject.real_path)
            return Verdict.passed(Told(events.SIGNATURE_VALID, told))
        return _invalid(subject, "the signature is not that of a signer for this content")

    async def _of_signature(self, subject: Subject) -> Verdict:
        """A signature on its own: it passes when it has the form of one, whatever it says."""
        size = subject.size
        text = await piece(subject, 0, size) if size <= MAX_FIELD else b""
        if _of_file(text) is None:
            return _invalid(subject, f"a file *{SIGNATURE} that is not a signature")
        return Verdict.passed(details="a signature")


def _invalid(subject: Subject, details: str, hint: str = "") -> Verdict:
    told = p.PathFailed(subject.path, subject.real_path, details)
    return Verdict.rejected(details, Told(events.SIGNATURE_INVALID, told), hint=hint)


def _decoded(text: bytes) -> bytes | None:
    """What base64 stands for, blanks left out, if it has the length of a signature."""
    try:
        data = base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if MIN_SIGNATURE <= len(data) <= MAX_SIGNATURE else None


def _of_file(data: bytes) -> bytes | None:
    """The signature of a detached file: base64, or the bytes of a key's length as they are."""
    if len(data) > MAX_FIELD:
        return None
    exact = MIN_SIGNATURE <= len(data) <= MAX_SIGNATURE and len(data) % 128 == 0
    return _decoded(data) or (data if exact and not _is_text(data) else None)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _verified(
    keys: tuple[rsa.RSAPublicKey, ...],
    signature: bytes,
    digest: bytes,
    algorithm: hashes.HashAlgorithm,
) -> bool:
    pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=padding.PSS.AUTO)
    for key in keys:
        try:
            key.verify(signature, digest, pss, Prehashed(algorithm))
        except InvalidSignature:
            continue
        return True
    return False
