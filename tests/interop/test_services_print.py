"""Basic grayscale print against pynetdicom and DCMTK's dcmprscp."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from pydicom import Dataset, dcmread

from tests.interop.peers import Peer
from tests.interop.programs import free_port, program, running
from tests.interop.pynetdicom_services import ServicesPeer
from trio_dicom import PrintImage, StatusError, get_printer, open_association, open_film_session
from trio_dicom.sop_classes import BASIC_GRAYSCALE_PRINT


@pytest.mark.scenario("B18")
async def test_films_are_made_up_filled_and_printed(
    pynetdicom_services: ServicesPeer, pydicom_files: Path
) -> None:
    ct = await trio.to_thread.run_sync(dcmread, pydicom_files / "CT_small.dcm")
    own = PrintImage(rows=3, columns=1, bits=12, pixel_data=b"\x00\x00\xff\x0f\x01\x00")
    async with open_association(
        pynetdicom_services.host, pynetdicom_services.port, contexts=[BASIC_GRAYSCALE_PRINT]
    ) as association:
        assert (await get_printer(association)).manufacturer == "Peer"
        async with open_film_session(association, copies=2, label="Test") as session:
            with pytest.raises(StatusError, match="C600H"):
                await session.print()  # there is no film
            film = await session.create_film_box((2, 1))
            left, right = film.image_boxes
            await session.set_image(left, ct, window=(40, 400), polarity="REVERSE")
            await session.set_image(right, own)
            printed = await session.print(film)
            assert printed.status.is_success
            await session.delete_film_box(film)
            with pytest.raises(StatusError, match="0112H"):
                await session.print(film)
    assert {asked.abstract_syntax for asked in pynetdicom_services.memory.asked} == {
        BASIC_GRAYSCALE_PRINT.abstract_syntax
    }
    assert not pynetdicom_services.printer.sessions  # deleted at the end
    (sheet,) = pynetdicom_services.printer.printed
    assert (sheet.session.NumberOfCopies, sheet.session.FilmSessionLabel) == (2, "Test")
    assert [box.ImageBoxPosition for box in sheet.images] == [1, 2]
    first, second = (_image(box) for box in sheet.images)
    assert first.PixelData == PrintImage.of(ct, window=(40, 400)).pixel_data
    assert sheet.images[0].Polarity == "REVERSE"
    assert second.PixelData == own.pixel_data
    assert (second.Rows, second.Columns, second.BitsStored) == (3, 1, 12)


def _image(box: Dataset) -> Dataset:
    (image,) = box.BasicGrayscaleImageSequence
    assert isinstance(image, Dataset)
    return image


@asynccontextmanager
async def dcmprscp(folder: Path) -> AsyncGenerator[Peer, None]:
    """DCMTK's printer, which prints into files."""
    database = folder / "database"
    database.mkdir()
    peer = Peer(ae_title="PRINTER", port=free_port(), folder=database, log=folder / "log")
    configuration = folder / "dcmprscp.cfg"
    configuration.write_text(
        f"""
[[GENERAL]]
[DATABASE]
Directory = {database}
[[COMMUNICATION]]
[PRINTER]
Aetitle = {peer.ae_title}
Hostname = localhost
Port = {peer.port}
Type = LOCALPRINTER
DisableNewVRs = false
DisplayFormat = 2,1
FilmSizeID = A4
ImplicitOnly = false
MagnificationType = REPLICATE\\CUBIC
MaxPDU = 32768
MediumType = PAPER\\BLUE FILM
Supports12Bit = true
SupportsPresentationLUT = false
"""
    )
    command = [program("dcmprscp", package="dcmtk"), "-v", "-c", str(configuration)]
    async with running([*command, "-p", "PRINTER"], ports=[peer.port], log=peer.log):
        yield peer


async def test_dcmtk_prints_what_it_was_sent(tmp_path: Path, pydicom_files: Path) -> None:
    ct = await trio.to_thread.run_sync(dcmread, pydicom_files / "CT_small.dcm")
    own = PrintImage(rows=20, columns=30, bits=12, pixel_data=bytes(range(240)) * 5)
    async with (
        dcmprscp(tmp_path) as printer,
        open_association(
            printer.host, printer.port, called_ae="PRINTER", contexts=[BASIC_GRAYSCALE_PRINT]
        ) as association,
    ):
        assert (await get_printer(association)).status == "NORMAL"
        async with open_film_session(association, copies=2, medium="BLUE FILM") as session:
            film = await session.create_film_box((2, 1), film_size="A4", magnification="CUBIC")
            left, right = film.image_boxes
            await session.set_image(left, ct)
            await session.set_image(right, own)
            assert (await session.print(film)).status.is_success
            with pytest.raises(StatusError, match="N-CREATE"):
                await session.create_film_box((7, 7))
    images = [dcmread(file) for file in sorted(printer.folder.glob("HG*.dcm"))]
    printed = {(it.Rows, it.Columns): it.PixelData for it in images}
    assert printed == {(128, 128): PrintImage.of(ct).pixel_data, (20, 30): own.pixel_data}
    (stored,) = [dcmread(file) for file in printer.folder.glob("SP*.dcm")]
    assert stored.FilmBoxContentSequence[0].ImageDisplayFormat == "STANDARD\\2,1"
