"""What extended negotiation says about queries (PS3.4 C.5.1.1).

Its bytes belong to the service classes and go through the association as they are. This
is the reading of them for C-FIND.
"""

from __future__ import annotations

from attrs import fields, frozen

from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.negotiation import NegotiatedAssociation
from trio_dicom._wire.user_items import ExtendedNegotiation

__all__ = ["QueryExtension", "agreed_query_extension"]


@frozen(kw_only=True)
class QueryExtension:
    """How a peer is asked to match, or matches, beyond what it must (PS3.4 Table C.5-2).

    Attributes:
        relational: A query may leave out the unique keys of the levels above its own.
        combined_date_time: Ranges of a date and its time are matched as one.
        fuzzy_names: Person names are matched by more than their letters.
        timezone: Dates and times are matched in the time zone of the query.
    """

    relational: bool = False
    combined_date_time: bool = False
    fuzzy_names: bool = False
    timezone: bool = False

    def item(self, sop_class: PresentationContext | str) -> ExtendedNegotiation:
        """The item that asks for this.

        Args:
            sop_class: For which queries: a constant of ``sop_classes``, or a UID.
        """
        return ExtendedNegotiation(
            sop_class_uid=_uid_of(sop_class),
            application_information=bytes(
                (self.relational, self.combined_date_time, self.fuzzy_names, self.timezone)
            ),
        )

    @classmethod
    def of(cls, item: ExtendedNegotiation) -> QueryExtension:
        """What ``item`` says. Bytes that are missing say no, surplus ones nothing."""
        names = (attribute.name for attribute in fields(cls))
        said = zip(names, item.application_information, strict=False)
        return cls(**{name: value == 1 for name, value in said})


def agreed_query_extension(
    association: NegotiatedAssociation, sop_class: PresentationContext | str
) -> QueryExtension:
    """What holds for queries of a SOP class: nothing that was not answered with a yes.

    Args:
        association: What was agreed, with the peer's answers in ``extended``.
        sop_class: The query's SOP class: a constant of ``sop_classes``, or a UID.
    """
    for item in association.extended:
        if item.sop_class_uid == _uid_of(sop_class):
            return QueryExtension.of(item)
    return QueryExtension()


def _uid_of(sop_class: PresentationContext | str) -> str:
    return str(
        sop_class.abstract_syntax if isinstance(sop_class, PresentationContext) else sop_class
    )
