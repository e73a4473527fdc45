"""From a request to what the sender can send: a context, and bytes in its syntax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio
from pydicom import Dataset

from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._dimse.declared import undeclared_text
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.headers import Bytes
from trio_dicom._dimse.syntax import is_deflated
from trio_dicom._dimse.transcode import NotConvertible, encode_pieces
from trio_dicom._io.file_source import FileSource
from trio_dicom._io.sources import BytesSource, Source, encoded_source
from trio_dicom._protocol.selection import select_context
from trio_dicom.errors import LocalProtocolError, NoAcceptedContext

if TYPE_CHECKING:
    from trio_dicom._dimse.message import Request
    from trio_dicom._io.link import Link
    from trio_dicom._protocol.contexts import NegotiatedContext
    from trio_dicom._protocol.negotiation import NegotiatedAssociation

__all__ = ["prepare"]


async def prepare(
    link: Link,
    request: Request,
    association: NegotiatedAssociation,
    context: NegotiatedContext | None,
) -> tuple[NegotiatedContext, Source | None]:
    """Where ``request`` goes and the bytes of its data set.

    Args:
        link: Where it is to be sent.
        request: What to send.
        association: What was agreed there.
        context: The context that the caller wants, or None to let us choose.

    Raises:
        NoAcceptedContext: No accepted context fits, or the data set cannot be
            brought into its transfer syntax without a loss.
        LocalProtocolError: The data set is malformed, or missing where there must be one,
            or its file cannot be read; or it has text in a character set that it does not
            declare; or the context is none of this association's.
    """
    if context is None:
        context = select_context(association.contexts, request)
    elif context not in association.contexts:
        raise LocalProtocolError(f"the context {context} is not one of this association")
    elif not context.accepted:
        raise LocalProtocolError(f"the peer did not accept the context {context}")
    if isinstance(request.data_set, Dataset) and not isinstance(request, CStoreRequest):
        # An instance is what it is. What is asked or told here, somebody has just written.
        _check_declared(request.data_set)
    try:
        if isinstance(request.data_set, StoredDataSet):
            source: Source | None = await _stored_source(link, request.data_set, context)
        else:
            source = encoded_source(request.data_set, context)
    except NotConvertible as error:
        raise NoAcceptedContext(
            f"{request.sop_class_uid.name}, whose data set does not fit the accepted one ({error})",
            proposed=[str(context)],
            accepted=[str(accepted) for accepted in association.accepted_contexts],
        ) from error
    if source is None and request.must_have_data_set:
        raise LocalProtocolError(
            f"a {request.operation} request needs a data set that is not empty"
        )
    return context, source


def _check_declared(data_set: Dataset) -> None:
    if (attribute := undeclared_text(data_set)) is not None:
        raise LocalProtocolError(
            f"{attribute} has characters that the data set does not declare: set its "
            "SpecificCharacterSet (0008,0005) to a character set that has them, such as ISO_IR 192"
        )


async def _stored_source(link: Link, stored: StoredDataSet, context: NegotiatedContext) -> Source:
    wanted = context.transfer_syntax
    assert wanted is not None  # it is an accepted context
    if stored.transfer_syntax == wanted:
        odd = stored.length % 2
        if odd and not is_deflated(wanted):
            raise LocalProtocolError(
                f"the data set in {stored.path} has an odd number of bytes, so it is malformed"
            )
        return FileSource(
            stored.path,
            stored.offset,
            stored.length,
            link.file_threads,
            link.buffers,
            link.machine.fragment_size,
            b"\0" if odd else b"",
        )

    def convert() -> Sequence[Bytes]:
        with stored.path.open("rb") as file:
            file.seek(stored.offset)
            data = file.read(stored.length)
        return encode_pieces(EncodedDataSet(data, stored.transfer_syntax), wanted)

    try:
        # A dead mount holds nobody up who is cancelled.
        pieces = await trio.to_thread.run_sync(
            convert, abandon_on_cancel=True, limiter=link.file_threads
        )
    except OSError as error:
        raise LocalProtocolError(f"{stored.path} could not be read: {error}") from error
    return BytesSource(pieces)
