"""``trio-dicom demo``: real files to an archive in this process and back, compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pydicom.data
import trio
from attrs import define, evolve, field, frozen
from pydicom import (
    Dataset,
    dcmread,  # pyright: ignore[reportUnknownVariableType]  a PathLike of anything
)
from pydicom.uid import UID
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from trio_dicom import (
    Association,
    BaseHandler,
    CGetRequest,
    Code,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    Instrument,
    Status,
    TrioDicomError,
    contexts_for_files,
    response_to,
)
from trio_dicom.cli.exits import ExitCode
from trio_dicom.cli.options import OUTPUT_OPTIONS, OutputOptions, PeerOptions
from trio_dicom.cli.output import Output
from trio_dicom.cli.target import Target
from trio_dicom.cli.words import words_of
from trio_dicom.sop_classes import STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION

__all__ = ["demo"]

# Of pydicom's own test files: different instances, as many transfer syntaxes as there are.
_FILES: Final = (
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "ExplVR_BigEnd.dcm",
    "image_dfl.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "JPGExtended.dcm",
    "examples_ybr_color.dcm",
    "JPEG2000.dcm",
    "examples_jpeg2k.dcm",
    "liver_1frame.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
)
_GROUP_LENGTH: Final = slice(140, 144)  # the value of (0002,0000), behind the preamble and DICM


@frozen(kw_only=True)
class _Sample:
    """One of the files.

    Attributes:
        path: Where it lies.
        sop_instance_uid: Which instance it is.
        study: The study that it belongs to.
        transfer_syntax: That of its data set.
        encoded: The data set, byte for byte.
    """

    path: Path
    sop_instance_uid: str
    study: str
    transfer_syntax: UID
    encoded: bytes = field(repr=False)


async def demo(*, out: OutputOptions = OUTPUT_OPTIONS) -> ExitCode:
    """See it work, without a network: real files go to an archive and come back.

    Starts an archive in this process, on a port of its own of the loopback interface.
    Stores some of pydicom's test files there, in as many transfer syntaxes as there are,
    verifies the connection, queries, fetches everything back and compares byte for byte.

    With --json every file is an object with path, sop_instance_uid, transfer_syntax, bytes,
    stored, found, fetched and identical.

    The exit code is 0 when everything came back as it was; 1 when anything differs.

    Args:
        out: What to print.
    """
    # Not at the top: nobody else on the command line needs the test kit.
    from trio_dicom.testing import open_archive  # noqa: PLC0415

    await trio.lowlevel.checkpoint()
    output = Output(out)
    folder = Path(pydicom.data.__file__).parent / "test_files"
    paths = [path for name in _FILES if (path := folder / name).is_file()]
    if not paths:
        output.note("pydicom is installed without its test files, so there is nothing to show.")
        return ExitCode.SOME_FAILED
    samples = await trio.to_thread.run_sync(lambda: [_sample(path) for path in paths])
    with output.logging():
        trip = _RoundTrip(output, samples, output.instrument)
        async with open_archive() as archive:
            output.line(f"An archive listens on {archive.address}, in the memory of this process.")
            try:
                await trip.travel(Target.of(archive.address, PeerOptions()))
            except TrioDicomError as error:
                output.note(("trio-dicom: ", "bold red"), words_of(error))
    return trip.report()


def _sample(path: Path) -> _Sample:
    # Read without any code of ours: it is what ours is compared with.
    head = dcmread(path, stop_before_pixels=True)
    raw = path.read_bytes()
    begin = _GROUP_LENGTH.stop + int.from_bytes(raw[_GROUP_LENGTH], "little")
    encoded = raw[begin:]
    if len(encoded) % 2:  # deflated; the wire has even lengths only (PS3.5 A.5)
        encoded += b"\0"
    return _Sample(
        path=path,
        sop_instance_uid=head.SOPInstanceUID,
        study=head.StudyInstanceUID,
        transfer_syntax=head.file_meta.TransferSyntaxUID,
        encoded=encoded,
    )


@define(eq=False)
class _Inbox(BaseHandler):
    """Takes what a C-GET sends."""

    arrived: dict[str, EncodedDataSet] = field(factory=dict[str, EncodedDataSet])

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``ConnectionHandler``."""
        await trio.lowlevel.checkpoint()
        if not isinstance(request.data_set, EncodedDataSet):
            return response_to(request, Code.CANNOT_UNDERSTAND)
        self.arrived[request.sop_instance_uid] = request.data_set
        return response_to(request, Code.SUCCESS)


@define(eq=False)
class _RoundTrip:
    """What happened to each file on its way there and back."""

    _output: Output
    _samples: Sequence[_Sample]
    _instrument: Instrument | None
    _stored: dict[str, Status] = field(factory=dict[str, Status], init=False)
    _studies: set[str] = field(factory=set[str], init=False)
    _inbox: _Inbox = field(factory=_Inbox, init=False)

    async def travel(self, target: Target) -> None:
        """There and back on one association."""
        # The provider's role besides, because with C-GET the instances come to us.
        storage = [
            evolve(context, scu_role=True, scp_role=True)
            for context in await contexts_for_files([sample.path for sample in self._samples])
        ]
        contexts = [VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_GET, *storage]
        async with target.associate(
            contexts, handler=self._inbox, instrument=self._instrument
        ) as association:
            await self._echo(association)
            await self._store(association)
            await self._find(association)
            await self._get(association)

    async def _echo(self, association: Association) -> None:
        began = trio.current_time()
        response = await association.c_echo()
        self._say("C-ECHO", str(response.status), began)

    async def _store(self, association: Association) -> None:
        await trio.lowlevel.checkpoint()
        began = trio.current_time()
        for sample in self._samples:
            response = await association.c_store(sample.path)
            self._stored[sample.sop_instance_uid] = response.status
        size = sum(len(sample.encoded) for sample in self._samples)
        stored = sum(status.is_success for status in self._stored.values())
        self._say("C-STORE", f"{stored} of {len(self._samples)} files, {decimal(size)}", began)

    async def _find(self, association: Association) -> None:
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.StudyInstanceUID = ""
        query.StudyDate = ""
        began = trio.current_time()
        async with association.c_find(query) as matches:
            async for match in matches:
                self._studies.add(match.identifier.StudyInstanceUID)
        self._say("C-FIND", f"{len(self._studies)} studies, {matches.status}", began)

    async def _get(self, association: Association) -> None:
        await trio.lowlevel.checkpoint()
        began = trio.current_time()
        for study in sorted(self._studies):
            query = Dataset()
            query.QueryRetrieveLevel = "STUDY"
            query.StudyInstanceUID = study
            request = CGetRequest(sop_class_uid=STUDY_ROOT_GET.abstract_syntax, data_set=query)
            async with association.open_request(request) as responses:
                (await responses.final()).raise_for_status()
        self._say("C-GET", f"{len(self._inbox.arrived)} instances", began)

    def _say(self, operation: str, what: str, began: float) -> None:
        milliseconds = (trio.current_time() - began) * 1000
        self._output.line((f"{operation:<8} ", "bold"), f"{what} in {milliseconds:.1f} ms")

    def report(self) -> ExitCode:
        """Compare, print what came of each file, and say how it went."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("File", no_wrap=True)
        table.add_column("Transfer syntax")
        for title in ("Stored", "Found", "Fetched", "Same"):
            table.add_column(title, no_wrap=True, min_width=len(title))
        identical = 0
        for sample in self._samples:
            status = self._stored.get(sample.sop_instance_uid)
            arrived = self._inbox.arrived.get(sample.sop_instance_uid)
            stored = status is not None and status.is_success
            found = sample.study in self._studies
            is_same = arrived is not None and _is_same(sample, arrived)
            identical += stored and found and is_same
            marks = (stored, found, arrived is not None, is_same)
            table.add_row(
                sample.path.name,
                sample.transfer_syntax.name,
                *(Text("yes", "green") if it else Text("NO", "bold red") for it in marks),
            )
            self._output.record(
                path=str(sample.path),
                sop_instance_uid=str(sample.sop_instance_uid),
                transfer_syntax=str(sample.transfer_syntax),
                bytes=len(sample.encoded),
                stored=stored,
                found=found,
                fetched=arrived is not None,
                identical=is_same,
            )
        self._output.table(table)
        is_good = identical == len(self._samples)
        self._output.line(
            f"{identical} of {len(self._samples)} files came back byte for byte.",
        )
        return ExitCode.OK if is_good else ExitCode.SOME_FAILED


def _is_same(sample: _Sample, arrived: EncodedDataSet) -> bool:
    return (
        arrived.transfer_syntax == sample.transfer_syntax and bytes(arrived.data) == sample.encoded
    )
