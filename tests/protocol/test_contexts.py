"""Presentation contexts as values: what callers may write and what errors say of them."""

from __future__ import annotations

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.protocol.builders import CT, EXPLICIT, IMPLICIT, JPEG_BASELINE, context
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom.errors import LocalProtocolError


def test_texts_become_uids() -> None:
    proposed = PresentationContext(CT, [EXPLICIT, IMPLICIT])
    assert isinstance(proposed.abstract_syntax, UID)
    assert all(isinstance(uid, UID) for uid in proposed.transfer_syntaxes)
    assert proposed == PresentationContext(CT)
    assert (proposed.scu_role, proposed.scp_role) == (None, None)


@pytest.mark.scenario("B17")
def test_without_a_word_both_uncompressed_little_endian_syntaxes_are_offered() -> None:
    assert PresentationContext(CT).transfer_syntaxes == (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
    )


def test_a_transfer_syntax_alone_is_one() -> None:
    assert PresentationContext(CT, JPEG_BASELINE).transfer_syntaxes == (UID(JPEG_BASELINE),)


def test_a_transfer_syntax_that_comes_twice_is_offered_once() -> None:
    assert len(PresentationContext(CT, [IMPLICIT, EXPLICIT, IMPLICIT]).transfer_syntaxes) == 2


@pytest.mark.scenario("B19")
def test_private_uids_stay_as_the_caller_wrote_them() -> None:
    proposed = PresentationContext("1.2.3.04", ["1.2.840.99999.1"])
    assert proposed.abstract_syntax == "1.2.3.04"
    assert proposed.transfer_syntaxes == ("1.2.840.99999.1",)


@pytest.mark.parametrize("uid", ["", "1." * 33, "1.2\0", "1 2", "1.2.ü"])
def test_what_no_uid_can_be_is_refused_at_once(uid: str) -> None:
    with pytest.raises(LocalProtocolError, match="abstract syntax"):
        PresentationContext(uid)
    with pytest.raises(LocalProtocolError, match="transfer syntax"):
        PresentationContext(CT, [uid])


def test_a_context_needs_a_transfer_syntax() -> None:
    with pytest.raises(LocalProtocolError, match="CT Image Storage needs a transfer syntax"):
        PresentationContext(CT, [])


def test_a_proposal_is_read_in_words() -> None:
    assert str(PresentationContext(CT)) == (
        "CT Image Storage in Explicit VR Little Endian or Implicit VR Little Endian"
    )


def test_an_answer_is_read_in_words() -> None:
    taken, left = context(1, CT, EXPLICIT), context(3, CT, None)
    assert taken.accepted
    assert str(taken) == "CT Image Storage in Explicit VR Little Endian"
    assert not left.accepted
    assert str(left) == "CT Image Storage in Explicit VR Little Endian (user rejection)"
