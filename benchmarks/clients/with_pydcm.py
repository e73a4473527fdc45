"""pydcm's DIMSE engine in C++, in the quickest way that its documentation shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydcm import Dataset, dcmread  # type: ignore[import-not-found] # in a Python of its own
from pydcm.dimse import AE  # type: ignore[import-not-found]

Job = dict[str, Any]
Work = Callable[[], int]

_EXPLICIT = "1.2.840.10008.1.2.1"
_IMPLICIT = "1.2.840.10008.1.2"
_VERIFICATION = "1.2.840.10008.1.1"
_STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"


def _associated(job: Job, ae: Any) -> Any:
    if job["ca"]:
        ae.tls = {"ca_file": job["ca"], "verify_peer": True}
    association = ae.associate(job["host"], job["port"], ae_title=job["called_ae"])
    if not association.is_established:
        raise SystemExit("no association")
    return association


def _ae(*contexts: tuple[str, str]) -> Any:
    ae = AE()
    ae.maximum_pdu_size = 131_072  # as DCMTK and trio_dicom can; its own default is 16 KiB
    for abstract, syntax in contexts:
        ae.add_requested_context(abstract, syntax)
    return ae


def _check(status: Any) -> None:
    if getattr(status, "Status", None) != 0:
        raise SystemExit(f"status {getattr(status, 'Status', None)}")


def store(job: Job) -> Work:
    """Files: all in one call, which is its quickest."""

    def work() -> int:
        association = _associated(job, _ae((job["sop_class"], _EXPLICIT)))
        summary = association.send_c_store_files(job["paths"])
        association.release()
        return int(summary["succeeded"])

    return work


def store_memory(job: Job) -> Work:
    """Data sets that are in memory."""
    data_sets = [dcmread(path) for path in job["paths"]]
    for data_set in data_sets:
        len(data_set.PixelData)  # it reads when asked

    def work() -> int:
        association = _associated(job, _ae((job["sop_class"], _EXPLICIT)))
        for data_set in data_sets:
            _check(association.send_c_store(data_set))
        association.release()
        return len(data_sets)

    return work


def find(job: Job) -> Work:
    """A query, and an element of each match."""
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    for keyword in job["keys"]:
        setattr(query, keyword, "")

    def work() -> int:
        association = _associated(job, _ae((_STUDY_ROOT_FIND, _IMPLICIT)))
        done = sum(
            bool(identifier.PatientID)
            for _, identifier in association.send_c_find(query, _STUDY_ROOT_FIND)
            if identifier is not None
        )
        association.release()
        return done

    return work


def get(job: Job) -> Work:
    """A study to disk, written by its engine."""
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = job["study_uid"]

    def work() -> int:
        ae = _ae((_STUDY_ROOT_GET, _IMPLICIT))
        ae.add_supported_context(job["sop_class"], _EXPLICIT)
        association = _associated(job, ae)
        done = 0
        for status, _ in association.send_c_get(query, _STUDY_ROOT_GET, store_dir=job["target"]):
            done = int(getattr(status, "NumberOfCompletedSuboperations", 0))
        association.release()
        return done

    return work


def echo(job: Job) -> Work:
    """C-ECHO after C-ECHO on one association."""

    def work() -> int:
        association = _associated(job, _ae((_VERIFICATION, _IMPLICIT)))
        for _ in range(job["count"]):
            _check(association.send_c_echo())
        association.release()
        return int(job["count"])

    return work


def associate(job: Job) -> Work:
    """Associations one after another, with an echo each."""

    def work() -> int:
        ae = _ae((_VERIFICATION, _IMPLICIT))
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
