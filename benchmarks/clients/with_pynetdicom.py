"""pynetdicom, as its documentation shows."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, _config, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

Job = dict[str, Any]
Work = Callable[[], int]


def _associated(job: Job, ae: AE, **more: Any) -> Association:
    tls = (ssl.create_default_context(cafile=job["ca"]), job["host"]) if job["ca"] else None
    association = ae.associate(
        job["host"], job["port"], ae_title=job["called_ae"], tls_args=tls, **more
    )
    if not association.is_established:
        raise SystemExit("no association")
    return association


def _check(status: Dataset) -> None:
    if status.Status != 0:
        raise SystemExit(f"status {status.Status:04X}")


def _store(job: Job, sources: list[Any]) -> int:
    ae = AE()
    ae.add_requested_context(job["sop_class"], ExplicitVRLittleEndian)
    association = _associated(job, ae)
    for source in sources:
        _check(association.send_c_store(source))
    association.release()
    return len(sources)


def store(job: Job) -> Work:
    """Files, as they are: its default would be to decode each."""
    _config.STORE_SEND_CHUNKED_DATASET = True
    return lambda: _store(job, job["paths"])


def store_memory(job: Job) -> Work:
    """Data sets that are in memory."""
    data_sets = [dcmread(path) for path in job["paths"]]
    return lambda: _store(job, data_sets)


def find(job: Job) -> Work:
    """A query, and an element of each match."""
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    for keyword in job["keys"]:
        setattr(query, keyword, "")

    def work() -> int:
        ae = AE()
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
        association = _associated(job, ae)
        model = StudyRootQueryRetrieveInformationModelFind
        done = sum(
            bool(identifier.PatientID)
            for _, identifier in association.send_c_find(query, model)
            if identifier is not None
        )
        association.release()
        return done

    return work


def get(job: Job) -> Work:
    """A study to disk, as the bytes come, without decoding them."""
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = job["study_uid"]

    def keep(event: evt.Event) -> int:
        assert isinstance(event.request, C_STORE)
        path = Path(job["target"], f"{event.request.AffectedSOPInstanceUID}.dcm")
        path.write_bytes(event.encoded_dataset())
        return 0

    def work() -> int:
        ae = AE()
        ae.maximum_pdu_size = 131_072  # as DCMTK and trio_dicom can; its own default is 16 KiB
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
        ae.add_requested_context(job["sop_class"], ExplicitVRLittleEndian)
        association = _associated(
            job,
            ae,
            ext_neg=[build_role(job["sop_class"], scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, keep)],
        )
        model = StudyRootQueryRetrieveInformationModelGet
        done = 0
        for status, _ in association.send_c_get(query, model):
            done = status.get("NumberOfCompletedSuboperations", done)
        association.release()
        return done

    return work


def echo(job: Job) -> Work:
    """C-ECHO after C-ECHO on one association."""

    def work() -> int:
        ae = AE()
        ae.add_requested_context(Verification)
        association = _associated(job, ae)
        for _ in range(job["count"]):
            _check(association.send_c_echo())
        association.release()
        return int(job["count"])

    return work


def associate(job: Job) -> Work:
    """Associations one after another, with an echo each."""

    def work() -> int:
        ae = AE()
        ae.add_requested_context(Verification)
        for _ in range(job["count"]):
            association = _associated(job, ae)
            _check(association.send_c_echo())
            association.release()
        return int(job["count"])

    return work


ACTIONS = {
    "store": store,
    "store_memory": store_memory,
    "find": find,
    "get": get,
    "echo": echo,
    "associate": associate,
}
