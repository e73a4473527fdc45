"""The status codes of PS3.7 Annex C and of the service classes of PS3.4, as tables.

The kind of a code follows from its range, so the tables hold words only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

__all__ = ["GENERAL_MEANINGS", "SERVICE_MEANINGS", "SOP_CLASS_SERVICES", "Service"]


class Service(Enum):
    """Whose status codes apply, beside those that are common to all."""

    GENERAL = "general"
    VERIFICATION = "verification"
    STORAGE = "storage"
    QUERY_RETRIEVE_FIND = "query"
    QUERY_RETRIEVE_GET = "retrieve by C-GET"
    QUERY_RETRIEVE_MOVE = "retrieve by C-MOVE"
    WORKLIST = "worklist"
    RELEVANT_PATIENT = "relevant patient information"
    REPOSITORY_QUERY = "repository query"
    STORAGE_COMMITMENT = "storage commitment"
    MPPS = "performed procedure step"
    UPS = "unified procedure step"
    PRINT = "print"
    EVENT_LOGGING = "application event logging"
    MEDIA_CREATION = "media creation"
    MACHINE_VERIFICATION = "RT machine verification"

    @property
    def is_find(self) -> bool:
        """Whether it answers C-FIND."""
        return self in _FIND_SERVICES

    @property
    def has_pending(self) -> bool:
        """Whether FF00H and FF01H mean that more responses follow."""
        return self in _PENDING_SERVICES


_FIND_SERVICES = frozenset(
    {
        Service.QUERY_RETRIEVE_FIND,
        Service.WORKLIST,
        Service.RELEVANT_PATIENT,
        Service.REPOSITORY_QUERY,
    }
)
_PENDING_SERVICES = _FIND_SERVICES | {Service.QUERY_RETRIEVE_GET, Service.QUERY_RETRIEVE_MOVE}

# PS3.7 Annex C
GENERAL_MEANINGS: Mapping[int, str] = {
    0x0001: "requested optional attributes are not supported",
    0x0105: "no such attribute",
    0x0106: "invalid attribute value",
    0x0107: "attribute list error",
    0x0110: "processing failure",
    0x0111: "duplicate SOP instance",
    0x0112: "no such SOP instance",
    0x0113: "no such event type",
    0x0114: "no such argument",
    0x0115: "invalid argument value",
    0x0116: "attribute value out of range",
    0x0117: "invalid SOP instance",
    0x0118: "no such SOP class",
    0x0119: "class-instance conflict",
    0x0120: "missing attribute",
    0x0121: "missing attribute value",
    0x0122: "SOP class not supported",
    0x0123: "no such action",
    0x0124: "not authorized",
    0x0210: "duplicate invocation",
    0x0211: "unrecognized operation",
    0x0212: "mistyped argument",
    0x0213: "resource limitation",
}

_Rows = tuple[tuple[int, int, str], ...]

_FIND_FAILURES: _Rows = (
    (0xA700, 0xA700, "out of resources"),
    (0xA900, 0xA900, "identifier does not match SOP class"),
    (0xC000, 0xCFFF, "unable to process"),
)
_FIND_PENDING: _Rows = (
    (0xFF00, 0xFF00, "matches are continuing"),
    (0xFF01, 0xFF01, "matches are continuing, some optional keys are not supported"),
)
_RETRIEVE: _Rows = (
    (0xA701, 0xA701, "out of resources, unable to calculate number of matches"),
    (0xA702, 0xA702, "out of resources, unable to perform sub-operations"),
    (0xA801, 0xA801, "move destination unknown"),
    (0xA900, 0xA900, "identifier does not match SOP class"),
    # of the frame level retrieve, PS3.4 Annex Y
    (0xAA00, 0xAA00, "none of the frames requested were found in the SOP instance"),
    (0xAA01, 0xAA01, "unable to create new object for this SOP class"),
    (0xAA02, 0xAA02, "unable to extract frames"),
    (0xAA03, 0xAA03, "time-based request for a SOP instance that is not time-based"),
    (0xAA04, 0xAA04, "invalid request"),
    (0xB000, 0xB000, "sub-operations complete, one or more failures or warnings"),
    (0xC000, 0xCFFF, "unable to process"),
    (0xFF00, 0xFF00, "sub-operations are continuing"),
)

# First and last code and what they mean; the first row that fits is the one.
SERVICE_MEANINGS: Mapping[Service, _Rows] = {
    # PS3.4 Table B.2-1
    Service.STORAGE: (
        (0xA700, 0xA7FF, "out of resources"),
        (0xA900, 0xA9FF, "data set does not match SOP class"),
        (0xB000, 0xB000, "coercion of data elements"),
        (0xB006, 0xB006, "elements discarded"),
        (0xB007, 0xB007, "data set does not match SOP class"),
        (0xC000, 0xCFFF, "cannot understand"),
    ),
    # PS3.4 C.4.1.1.4, C.4.2.1.5 and C.4.3.1.4
    Service.QUERY_RETRIEVE_FIND: _FIND_FAILURES + _FIND_PENDING,
    Service.QUERY_RETRIEVE_GET: _RETRIEVE,
    Service.QUERY_RETRIEVE_MOVE: _RETRIEVE,
    # PS3.4 Annex K
    Service.WORKLIST: _FIND_FAILURES + _FIND_PENDING,
    # PS3.4 Annex Q
    Service.RELEVANT_PATIENT: (
        (0xC100, 0xC100, "more than one match found"),
        (0xC200, 0xC200, "unable to support requested template"),
        *_FIND_FAILURES,
        (0xFF00, 0xFF00, "current match is supplied"),
    ),
    # PS3.4 C.6.4
    Service.REPOSITORY_QUERY: (
        (0xA710, 0xA710, "invalid prior record key"),
        (0xB001, 0xB001, "matching reached response limit, asking again may return more"),
        *_FIND_FAILURES,
        *_FIND_PENDING,
    ),
    # PS3.4 Annex CC.2
    Service.UPS: (
        (0xB300, 0xB300, "the UPS was created with modifications"),
        (0xB301, 0xB301, "deletion lock not granted"),
        (0xB304, 0xB304, "the UPS is already canceled"),
        (0xB305, 0xB305, "coerced invalid values to valid values"),
        (0xB306, 0xB306, "the UPS is already completed"),
        (0xC300, 0xC300, "the UPS may no longer be updated"),
        (0xC301, 0xC301, "the correct transaction UID was not provided"),
        (0xC302, 0xC302, "the UPS is already in progress"),
        (0xC303, 0xC303, "the UPS may only become scheduled by N-CREATE"),
        (0xC304, 0xC304, "the UPS has not met final state requirements"),
        (0xC307, 0xC307, "no such UPS is managed by the peer"),
        (0xC308, 0xC308, "receiving AE title is unknown to the peer"),
        (0xC309, 0xC309, "the provided value of UPS state was not SCHEDULED"),
        (0xC310, 0xC310, "the UPS is not yet in progress"),
        (0xC311, 0xC311, "the UPS is already completed"),
        (0xC312, 0xC312, "the performer cannot be contacted"),
        (0xC313, 0xC313, "performer chooses not to cancel"),
        (0xC314, 0xC314, "specified action not appropriate for specified instance"),
        (0xC315, 0xC315, "the peer does not support event reports"),
    ),
    # PS3.4 Annex H
    Service.PRINT: (
        (0xB600, 0xB600, "memory allocation not supported"),
        (0xB601, 0xB601, "film session printing (collation) is not supported"),
        (0xB602, 0xB602, "film session has no image boxes (empty page)"),
        (0xB603, 0xB603, "film box has no image boxes (empty page)"),
        (0xB604, 0xB604, "image was larger than the image box and has been demagnified"),
        (0xB605, 0xB605, "requested density is outside of the printer's range"),
        (0xB609, 0xB609, "image was larger than the image box and has been cropped"),
        (0xB60A, 0xB60A, "image was larger than the image box and has been decimated"),
        (0xC600, 0xC600, "film session has no film boxes"),
        (0xC601, 0xC602, "unable to create print job, print queue is full"),
        (0xC603, 0xC603, "image is larger than the image box"),
        (0xC605, 0xC605, "insufficient memory in printer to store the image"),
        (0xC613, 0xC613, "combined print image is larger than the image box"),
        (0xC616, 0xC616, "an existing film box has not been printed"),
    ),
    # PS3.4 Annex P
    Service.EVENT_LOGGING: (
        (0xB101, 0xB101, "synchronization frame of reference UID does not match"),
        (0xB102, 0xB102, "study instance UID coercion, logged under a different one"),
        (0xB104, 0xB104, "IDs inconsistent in matching a current study, event logged"),
        (0xC101, 0xC101, "procedural logging not available for this study instance UID"),
        (0xC102, 0xC102, "event information does not match template"),
        (0xC103, 0xC103, "cannot match event to a current study"),
        (0xC104, 0xC104, "IDs inconsistent in matching a current study, event not logged"),
        (0xC10E, 0xC10E, "operator not authorized to add to the medication record"),
        (0xC110, 0xC110, "patient cannot be identified"),
        (0xC111, 0xC111, "update of the medication record failed"),
    ),
    # PS3.4 Annex S
    Service.MEDIA_CREATION: (
        (0xA510, 0xA510, "media creation was already initiated for this instance"),
        (0xC201, 0xC201, "media creation request already completed"),
        (0xC202, 0xC202, "media creation request in progress, cannot be interrupted"),
        (0xC203, 0xC203, "cancellation denied for unspecified reason"),
    ),
    # PS3.4 Annex DD
    Service.MACHINE_VERIFICATION: (
        (0xC112, 0xC112, "applicable machine verification instance not found"),
        (0xC221, 0xC221, "referenced fraction group does not exist in the plan"),
        (0xC222, 0xC222, "no beams exist within the referenced fraction group"),
        (0xC223, 0xC223, "already verifying, cannot currently process this request"),
        (0xC224, 0xC224, "referenced beam not found within the fraction group"),
        (0xC225, 0xC225, "referenced device or accessory not supported"),
        (0xC226, 0xC226, "referenced device or accessory not found within the beam"),
        (0xC227, 0xC227, "referenced RT plan not found"),
    ),
}

_NORMALIZED: Mapping[Service, tuple[str, ...]] = {
    Service.STORAGE_COMMITMENT: ("1.2.840.10008.1.20.1",),
    Service.EVENT_LOGGING: ("1.2.840.10008.1.40", "1.2.840.10008.1.42"),
    Service.MPPS: tuple(f"1.2.840.10008.3.1.2.3.{n}" for n in (3, 4, 5)),
    Service.PRINT: tuple(
        f"1.2.840.10008.5.1.1.{n}"
        for n in ("1", "2", "4", "4.1", "9", "14", "15", "16", "16.376", "18", "23")
    ),
    Service.MEDIA_CREATION: ("1.2.840.10008.5.1.1.33",),
    Service.UPS: tuple(f"1.2.840.10008.5.1.4.34.6.{n}" for n in (1, 2, 3, 4, 5)),
    Service.MACHINE_VERIFICATION: ("1.2.840.10008.5.1.4.34.8", "1.2.840.10008.5.1.4.34.9"),
}
_FOUND: Mapping[Service, tuple[str, ...]] = {
    Service.WORKLIST: ("1.2.840.10008.5.1.4.31",),
    Service.RELEVANT_PATIENT: tuple(f"1.2.840.10008.5.1.4.37.{n}" for n in (1, 2, 3)),
    Service.REPOSITORY_QUERY: ("1.2.840.10008.5.1.4.1.1.201.6",),
}

# UPS and others answer C-FIND and N-services under one UID, hence the second key:
# whether the operation is C-FIND.
SOP_CLASS_SERVICES: Mapping[tuple[str, bool], Service] = {
    (uid, is_find): service
    for is_find, table in ((False, _NORMALIZED), (True, _FOUND))
    for service, uids in table.items()
    for uid in uids
}
