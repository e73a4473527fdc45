"""The matches of a C-FIND."""

from __future__ import annotations

from trio_dicom._dimse.c_messages import CFindResponse
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._operations.results import ResultChannel

__all__ = ["Matches"]


class Matches(ResultChannel[CFindResponse]):
    """The matches of a query, as they come.

    ::

        async with association.c_find(query) as matches:
            async for match in matches:
                print(match.identifier)

    ``match.identifier`` is decoded when it is touched. The end of the loop says that the
    peer has sent all that it has; see `ResultChannel` for what it does otherwise.

    Attributes:
        response: The final response, once the loop or ``final`` has met it. Until then None.
    """

    def __init__(self, responses: ResponseChannel, *, check: bool = True) -> None:
        """Wrap the responses to a C-FIND request.

        Args:
            responses: What ``open_request`` gave.
            check: Whether a bad end raises `StatusError`.
        """
        super().__init__(responses, CFindResponse, check=check)
