"""Which of the accepted contexts a request goes out on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom.uid import UID

from trio_dicom._dimse.base import Request
from trio_dicom._dimse.n_messages import NEventReportRequest
from trio_dicom._dimse.syntax import encoding_of, is_native
from trio_dicom._dimse.transcode import can_convert, source_syntax
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.errors import NoAcceptedContext

__all__ = ["select_context"]

# What the print management meta SOP classes stand for (PS3.4 H.3.2.2).
_GRAYSCALE_PRINT = "1.2.840.10008.5.1.1.9"
_COLOR_PRINT = "1.2.840.10008.5.1.1.18"
_META_SOP_CLASSES = {
    "1.2.840.10008.5.1.1.1": (_GRAYSCALE_PRINT, _COLOR_PRINT),  # film session
    "1.2.840.10008.5.1.1.2": (_GRAYSCALE_PRINT, _COLOR_PRINT),  # film box
    "1.2.840.10008.5.1.1.4": (_GRAYSCALE_PRINT,),  # grayscale image box
    "1.2.840.10008.5.1.1.4.1": (_COLOR_PRINT,),  # color image box
    "1.2.840.10008.5.1.1.16": (_GRAYSCALE_PRINT, _COLOR_PRINT),  # printer
}

# A procedure step is always one of UPS Push, whichever of the UPS SOP classes the
# association was negotiated for (PS3.4 CC.3.1).
_UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
_OTHER_UPS = (
    "1.2.840.10008.5.1.4.34.6.3",  # pull
    "1.2.840.10008.5.1.4.34.6.2",  # watch
    "1.2.840.10008.5.1.4.34.6.4",  # event
    "1.2.840.10008.5.1.4.34.6.5",  # query
)


def select_context(
    contexts: Sequence[NegotiatedContext], request: Request, *, as_scp: bool = False
) -> NegotiatedContext:
    """The context on which ``request`` goes out.

    It is one for the SOP class itself, else for a class that stands for it. Among those it
    is the one in the data set's own transfer syntax, else one into which the data set can
    be turned without changing a value.

    Args:
        contexts: The contexts of the association.
        request: The request, with its data set.
        as_scp: Whether we send it as the provider of the SOP class. An N-EVENT-REPORT
            always is sent so.

    Raises:
        NoAcceptedContext: There is none. It says what there is.
    """
    as_scp = as_scp or isinstance(request, NEventReportRequest)
    source = source_syntax(request.data_set)
    for sop_class in _classes_for(request.sop_class_uid):
        best: NegotiatedContext | None = None
        best_rank: int | None = None
        for context in contexts:
            if context.abstract_syntax != sop_class or context.transfer_syntax is None:
                continue
            if not (context.as_scp if as_scp else context.as_scu):
                continue
            if request.data_set is None:
                return context
            rank = _rank(source, context.transfer_syntax)
            if rank is not None and (best_rank is None or rank < best_rank):
                best, best_rank = context, rank
        if best is not None:
            return best
    raise _none_accepted(contexts, request, source, as_scp=as_scp)


def _classes_for(sop_class: UID) -> Iterator[str]:
    yield sop_class
    yield from _META_SOP_CLASSES.get(sop_class, ())
    if sop_class == _UPS_PUSH:
        yield from _OTHER_UPS


def _rank(source: UID | None, target: UID) -> int | None:
    """How well data in ``source`` go out in ``target``, 0 the best; None: not at all."""
    if source == target:
        return 0
    if source is None:
        # Built by the caller, so every encoding will do; but what is no pixel data belongs
        # into a native one, if there is one.
        fits, otherwise = is_native(target), 3
    else:
        fits, otherwise = can_convert(source, target), None
    if not fits:
        return otherwise
    # Big endian comes last: a single value of unknown VR makes it impossible.
    return 1 if encoding_of(target).little_endian else 2


def _none_accepted(
    contexts: Sequence[NegotiatedContext], request: Request, source: UID | None, *, as_scp: bool
) -> NoAcceptedContext:
    wanted = request.sop_class_uid.name
    if source is not None:
        wanted += f" in {source.name}"
    if as_scp:
        wanted += " as its provider (SCP)"
    classes = set(_classes_for(request.sop_class_uid))
    return NoAcceptedContext(
        wanted,
        proposed=[str(context) for context in contexts if context.abstract_syntax in classes],
        accepted=[_with_roles(context) for context in contexts if context.accepted],
    )


def _with_roles(context: NegotiatedContext) -> str:
    match context.as_scu, context.as_scp:
        case True, False:
            return str(context)
        case True, True:
            return f"{context} as user or provider"
        case False, True:
            return f"{context} as provider only"
        case _:
            return f"{context} in no role"
