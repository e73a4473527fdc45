"""Codes in words."""

from __future__ import annotations

import pytest

from trio_dicom import AssociationRejected, RejectReason, RejectResult


@pytest.mark.parametrize(
    "reason, words",
    [
        (RejectReason.USER_NO_REASON_GIVEN, "no reason given"),
        (RejectReason.ACSE_NO_REASON_GIVEN, "no reason given"),
        (RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED, "called AE title not recognized"),
        (RejectReason.TEMPORARY_CONGESTION, "temporary congestion"),
        (RejectReason.of(1, 4), "reserved 4"),
        (RejectReason.of(9, 200), "reserved 200"),
    ],
)
def test_a_rejection_names_its_source_once(reason: RejectReason, words: str) -> None:
    error = AssociationRejected("the peer", RejectResult.PERMANENT, reason)
    assert f": {words}, says its {reason.source.words}. " in str(error)
