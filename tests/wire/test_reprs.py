"""What PDUs show of themselves in logs: no patient and no secret."""

from __future__ import annotations

import pytest

from trio_dicom import lowlevel
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.items import UnknownItem
from trio_dicom._wire.pdus import decode_pdu
from trio_dicom._wire.user_items import UserIdentity, UserIdentityAnswer, UserIdentityType
from trio_dicom.reasons import AbortReason, AbortSource, RejectReason, RejectResult


@pytest.mark.scenario("B09")
def test_no_secret_shows_in_the_repr_of_a_pdu() -> None:
    identity = UserIdentity(
        identity_type=UserIdentityType.USERNAME_AND_PASSCODE, primary=b"ann", secondary=b"s3cret"
    )
    request = AssociationRequest(
        called_ae="A", calling_ae="B", contexts=(), user_information=(identity,)
    )
    accept = AssociationAccept(
        called_ae="A",
        calling_ae="B",
        contexts=(),
        user_information=(UserIdentityAnswer(b"s3cret"),),
    )
    for pdu in (request, accept, decode_pdu(request.encode()), decode_pdu(accept.encode())):
        assert "s3cret" not in repr(pdu)
        assert "b'ann'" not in repr(pdu)
    assert "USERNAME_AND_PASSCODE" in repr(request)


def test_a_fragment_shows_its_size_alone() -> None:
    pdv = PresentationDataValue(context_id=1, is_command=False, is_last=True, data=b"Doe^Jane")
    for pdu in (DataTransfer((pdv,)), decode_pdu(DataTransfer((pdv,)).encode())):
        assert "Doe" not in repr(pdu)
        assert "data=<8 bytes>" in repr(pdu)


def test_an_unknown_item_shows_its_size_alone() -> None:
    assert repr(UnknownItem(0x7F, b"Doe")) == "UnknownItem(item_type=127, data=<3 bytes>)"


@pytest.mark.scenario("B02")
def test_reasons_show_their_names() -> None:
    reject = AssociationReject(
        result=RejectResult.PERMANENT, reason=RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
    )
    assert "CALLED_AE_TITLE_NOT_RECOGNIZED" in repr(reject)
    assert "UNEXPECTED_PDU" in repr(Abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU))


def test_lowlevel_has_every_pdu_and_every_item() -> None:
    for name in lowlevel.__all__:
        assert hasattr(lowlevel, name)
    encoded = lowlevel.encode_pdu(lowlevel.ReleaseRequest())
    assert lowlevel.decode_pdu(encoded) == lowlevel.ReleaseRequest()
