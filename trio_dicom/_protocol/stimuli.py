"""Which stimulus of the state machine each PDU is, coming and going (PS3.8 Table 9-10)."""

from __future__ import annotations

from collections.abc import Mapping

from trio_dicom._protocol.states import Stimulus
from trio_dicom._wire.header import PduType

__all__ = ["RECEIVING", "SENDING"]

RECEIVING: Mapping[PduType, Stimulus] = {
    PduType.ASSOCIATE_RQ: Stimulus.REQUEST_RECEIVED,
    PduType.ASSOCIATE_AC: Stimulus.ACCEPT_RECEIVED,
    PduType.ASSOCIATE_RJ: Stimulus.REJECT_RECEIVED,
    PduType.P_DATA_TF: Stimulus.DATA_RECEIVED,
    PduType.RELEASE_RQ: Stimulus.RELEASE_REQUEST_RECEIVED,
    PduType.RELEASE_RP: Stimulus.RELEASE_RESPONSE_RECEIVED,
    PduType.ABORT: Stimulus.ABORT_RECEIVED,
}

SENDING: Mapping[PduType, Stimulus] = {
    PduType.ASSOCIATE_RQ: Stimulus.SEND_REQUEST,
    PduType.ASSOCIATE_AC: Stimulus.SEND_ACCEPT,
    PduType.ASSOCIATE_RJ: Stimulus.SEND_REJECT,
    PduType.P_DATA_TF: Stimulus.SEND_DATA,
    PduType.RELEASE_RQ: Stimulus.SEND_RELEASE_REQUEST,
    PduType.RELEASE_RP: Stimulus.SEND_RELEASE_RESPONSE,
    PduType.ABORT: Stimulus.SEND_ABORT,
}
