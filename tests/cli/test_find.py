"""``trio-dicom find``."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.cli.conftest import Command
from tests.cli.finding import finder
from tests.interop.programs import free_port
from trio_dicom import CCancelRequest, EncodedDataSet
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    UPS_PULL,
)
from trio_dicom.testing import open_archive

FILES = ("CT_small.dcm", "MR_small.dcm", "test-SR.dcm")
CT_STUDY = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"


def match(**values: object) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


DOE = match(PatientName="DOE^JOHN", PatientID="1", StudyInstanceUID="1.2.3")


@pytest.fixture
async def archive(command: Command, pydicom_files: Path) -> AsyncGenerator[str, None]:
    """The address of an archive with three studies."""
    async with open_archive() as archive:
        await command("store", archive.address, *(pydicom_files / name for name in FILES))
        yield archive.address


async def test_studies_are_a_table(command: Command, archive: str) -> None:
    ran = await command("find", archive)
    assert ran.code == 0
    titles, *rows = ran.out.splitlines()
    assert titles.split()[:3] == ["Name", "Patient", "ID"]
    assert titles.endswith("Study Instance UID")
    assert len(rows) == 3
    (ct,) = [row for row in rows if "CompressedSamples^CT1" in row]
    assert ct.endswith(CT_STUDY)
    assert titles.index("Study Instance UID") == ct.index(CT_STUDY)
    assert ran.err == "3 matches\n"


async def test_a_value_chooses(command: Command, archive: str) -> None:
    ran = await command("find", archive, "-k", "PatientName=Comp*", "-k", "ModalitiesInStudy=CT")
    assert len(ran.out.splitlines()) == 2
    assert CT_STUDY in ran.out
    assert ran.err == "1 match\n"


async def test_keys_without_values_say_what_is_shown(command: Command, archive: str) -> None:
    ran = await command("find", archive, "-k", "PatientID", "-k", "0020,000D=" + CT_STUDY)
    assert ran.out.split() == ["PatientID", "1CT1"]


@pytest.mark.parametrize("level", ["patient", "STUDY", "Series", "image"])
async def test_every_level_can_be_asked(command: Command, archive: str, level: str) -> None:
    ran = await command("find", archive, "--level", level, "--json")
    assert ran.code == 0
    assert len(ran.records) == 3  # one of the patients has no ID
    assert {it["00080052"]["Value"][0] for it in ran.records} == {level.upper()}


async def test_json_is_the_dicom_json_model(command: Command, archive: str) -> None:
    ran = await command("find", archive, "--json", "-k", "PatientID=1CT1")
    (record,) = ran.records
    assert record["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "CompressedSamples^CT1"}]}
    assert record["0020000D"] == {"vr": "UI", "Value": [CT_STUDY]}
    assert Dataset.from_json(record).PatientID == "1CT1"
    assert ran.err == ""


async def test_csv_begins_with_the_names(command: Command, archive: str) -> None:
    ran = await command("find", archive, "--csv", "-k", "PatientID", "-k", "PatientName=*CT?")
    assert list(csv.DictReader(io.StringIO(ran.out))) == [
        {"PatientID": "1CT1", "PatientName": "CompressedSamples^CT1"}
    ]
    assert ran.err == ""


async def test_nothing_found_is_an_answer(command: Command, archive: str) -> None:
    ran = await command("find", archive, "-k", "PatientID=nobody")
    assert ran.code == 0
    assert ran.out == ""
    assert ran.err == "0 matches\n"


async def test_what_goes_out_is_what_was_typed(command: Command) -> None:
    async with finder() as peer:
        await command("find", peer.address, "-k", "PatientName=DOE*", "-k", "StudyDate=2020-2021")
    assert peer.requests[0].sop_class_uid == STUDY_ROOT_FIND.abstract_syntax
    assert peer.query.QueryRetrieveLevel == "STUDY"
    assert peer.query.PatientName == "DOE*"
    assert peer.query.StudyDate == "2020-2021"
    # Nobody said what to show, so it is the usual.
    assert peer.query["StudyInstanceUID"].value == ""
    assert peer.query["PatientID"].value == ""


async def test_a_level_may_be_a_key(command: Command) -> None:
    async with finder() as peer:
        await command("find", peer.address, "-k", "QueryRetrieveLevel=series", "-k", "Modality")
    assert peer.query.QueryRetrieveLevel == "series"
    assert len(peer.query) == 2


@pytest.mark.parametrize(
    "arguments, sop_class",
    [
        (["--level", "patient"], PATIENT_ROOT_FIND.abstract_syntax),
        (["--model", "patient"], PATIENT_ROOT_FIND.abstract_syntax),
        (["--model", "Study"], STUDY_ROOT_FIND.abstract_syntax),
        (["--model", "ups"], UPS_PULL.abstract_syntax),
        (["--model", "worklist", "-k", "PatientID"], MODALITY_WORKLIST.abstract_syntax),
        (["--model", "GeneralRelevantPatientInformationQuery"], "1.2.840.10008.5.1.4.37.1"),
        (["--model", "1.2.826.0.1.3680043.9.9999.1"], "1.2.826.0.1.3680043.9.9999.1"),
    ],
)
async def test_every_model_can_be_asked(
    command: Command, arguments: list[str], sop_class: str
) -> None:
    key = [] if "level" in arguments[0] or arguments[1] == "ups" else ["-k", "PatientName"]
    async with finder() as peer:
        ran = await command("find", peer.address, *arguments, *key)
    assert ran.code == 0
    assert peer.requests[0].sop_class_uid == sop_class
    has_level = sop_class in {PATIENT_ROOT_FIND.abstract_syntax, STUDY_ROOT_FIND.abstract_syntax}
    assert ("QueryRetrieveLevel" in peer.query) == has_level


async def test_patient_root_serves_where_study_root_is_refused(command: Command) -> None:
    async with finder(DOE, refuse=(STUDY_ROOT_FIND.abstract_syntax,)) as peer:
        ran = await command("find", peer.address)
    assert ran.code == 0
    assert peer.requests[0].sop_class_uid == PATIENT_ROOT_FIND.abstract_syntax


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(19)
async def test_a_limit_cancels(command: Command) -> None:
    async with finder(*[DOE] * 50, seconds=0.01) as peer:
        ran = await command("find", peer.address, "--limit", 2)
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 3
    assert ran.err == "2 matches, and perhaps there are more: --limit\n"
    assert isinstance(peer.later[0], CCancelRequest)


@pytest.mark.scenario("B59")
@pytest.mark.parametrize("option", ["--json", "--csv", "--limit=9"])
async def test_a_query_that_breaks_does_not_look_complete(command: Command, option: str) -> None:
    async with finder(DOE, status=0xC001, comment="out of\x1b[2J order") as peer:
        ran = await command("find", peer.address, option)
    assert ran.code == 1
    assert "DOE^JOHN" in ran.out
    assert "C-FIND ended with status C001H" in ran.err
    assert "[2J order\n" in ran.err
    assert "\x1b" not in ran.err
    if option == "--limit=9":
        assert ran.err.endswith("1 match before it broke off\n")


@pytest.mark.scenario("B59")
async def test_a_cancel_that_nobody_asked_for_is_a_failure(command: Command) -> None:
    async with finder(DOE, status=0xFE00) as peer:
        ran = await command("find", peer.address)
    assert ran.code == 1
    assert "FE00H" in ran.err


async def test_a_connection_that_breaks_is_a_failure(command: Command) -> None:
    async with finder(DOE, hangs_up=True) as peer:
        ran = await command("find", peer.address)
    assert ran.code == 1
    assert "DOE^JOHN" in ran.out
    assert "before it broke off" in ran.err
    assert "Traceback" not in ran.err


async def test_silence_is_a_failure(command: Command) -> None:
    async with finder(DOE, seconds=2) as peer:
        ran = await command("find", peer.address, "--idle-timeout", 0.2)
    assert ran.code == 1
    assert "within 0.2 s" in ran.err


@pytest.mark.scenario("B26")
async def test_a_peer_that_ignores_keys_says_so_and_we_pass_it_on(command: Command) -> None:
    async with finder(DOE, DOE, pending=0xFF01) as peer:
        ran = await command("find", peer.address)
    assert ran.code == 0
    assert ran.err.splitlines()[0].startswith("The peer does not know some of the keys")


async def test_a_match_that_cannot_be_read_is_named_and_the_others_are_shown(
    command: Command,
) -> None:
    broken = EncodedDataSet(b"\x10\0\x10\0PN\xff\xff", ExplicitVRLittleEndian)
    async with finder(DOE, broken, DOE) as peer:
        ran = await command("find", peer.address)
    assert ran.code == 1
    assert len(ran.out.splitlines()) == 3
    assert "match 2 cannot be read" in ran.err
    assert ran.err.endswith("3 matches\n")


async def test_a_match_without_a_data_set_is_an_empty_one(command: Command) -> None:
    async with finder(None, DOE) as peer:
        ran = await command("find", peer.address)
    assert ran.code == 0
    assert ran.out.splitlines()[1] == ""
    assert ran.err == "2 matches\n"


@pytest.mark.scenario("B54")
async def test_the_character_set_of_those_who_declare_none_can_be_said(command: Command) -> None:
    raw = EncodedDataSet(b"\x10\0\x10\0PN\x06\0M\xc3\xbcll ", ExplicitVRLittleEndian)
    async with finder(raw) as peer:
        ran = await command("find", peer.address, "-k", "PatientName", "--charset", "ISO_IR 192")
        other = await command("find", peer.address, "-k", "PatientName")
    assert ran.out.split() == ["PatientName", "Müll"]
    assert other.out.split() == ["PatientName", "MÃ¼ll"]


async def test_what_a_peer_sends_cannot_write_on_the_terminal(command: Command) -> None:
    evil = match(
        SpecificCharacterSet="ISO_IR 192",
        PatientName="A\x1b[2JB",
        PatientID="1\n2\r3",
        StudyDescription="\u202eevil",
    )
    for option in ("--csv", "--json", "--limit=9"):
        async with finder(evil) as peer:
            ran = await command("find", peer.address, option)
        assert ran.code == 0
        assert not set(ran.out) & set("\x1b\r\u202e")
        assert len(ran.out.splitlines()) == (1 if option == "--json" else 2)


async def test_umlauts_and_wide_characters_stay_in_their_columns(command: Command) -> None:
    names = ["Müller^Jörg", "山田^太郎", "山田\u3000太郎", "Doe"]
    matches = [match(SpecificCharacterSet="ISO_IR 192", PatientName=it) for it in names]
    async with finder(*matches) as peer:
        ran = await command("find", peer.address, "-k", "PatientName", "-k", "PatientID=1")
    assert [line.split("  ")[0] for line in ran.out.splitlines()] == ["PatientName", *names]


async def test_long_values_are_cut_in_the_table_alone(command: Command) -> None:
    long = match(StudyDescription="x" * 60, StudyInstanceUID="1." + "2" * 60)
    async with finder(long) as peer:
        ran = await command("find", peer.address)
        as_csv = await command("find", peer.address, "--csv")
    assert f"{'x' * 39}…" in ran.out
    assert "x" * 40 not in ran.out
    assert long.StudyInstanceUID in ran.out
    assert "x" * 60 in as_csv.out


async def test_many_rows_are_printed_as_they_come(command: Command) -> None:
    rows = [
        match(PatientID=str(number), PatientName="x" * (number // 100)) for number in range(300)
    ]
    async with finder(*rows) as peer:
        ran = await command("find", peer.address, "-k", "PatientID", "-k", "PatientName")
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [str(number) for number in range(300)]
    assert lines[300] == "299        xx"


async def test_a_peer_that_takes_no_query_is_exit_code_1(command: Command) -> None:
    async with finder(
        refuse=(STUDY_ROOT_FIND.abstract_syntax, PATIENT_ROOT_FIND.abstract_syntax)
    ) as peer:
        ran = await command("find", peer.address)
    assert ran.code == 1
    assert "C-FIND" in ran.err


@pytest.mark.scenario("B10")
async def test_a_missing_peer_is_exit_code_3(command: Command) -> None:
    ran = await command("find", f"NOBODY@127.0.0.1:{free_port()}", "--csv")
    assert ran.code == 3
    assert ran.out == ""


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ([], "PEER"),
        (["ARCHIVE@host", "-k", "PatientNam=DOE"], "Did you mean PatientName"),
        (["ARCHIVE@host", "-k", "Rows=many"], "whole numbers"),
        (["ARCHIVE@host", "--level", "planet"], "--level"),
        (["ARCHIVE@host", "--model", "planet"], "--model 'planet' is neither a UID"),
        (["ARCHIVE@host", "--model", "1.2.3"], "nothing to ask for"),
        (["ARCHIVE@host", "--model", "worklist"], "nothing to ask for"),
        (["ARCHIVE@host", "--model", "worklist", "--level", "study"], "--level is about archives"),
        (["ARCHIVE@host", "--level", "image", "-k", "QueryRetrieveLevel=STUDY"], "different"),
        (["ARCHIVE@host", "--json", "--csv"], "exclude each other"),
        (["ARCHIVE@host", "--limit", "0"], "--limit"),
        (["ARCHIVE@host", "--charset", "KLINGON"], "'KLINGON' is no character set"),
        (["ARCHIVE@host", "--cert", "x.pem"], "means nothing without --tls"),
    ],
)
async def test_a_mistake_in_the_command_is_exit_code_2(
    command: Command, arguments: list[str], complaint: str
) -> None:
    ran = await command("find", *arguments)
    assert ran.code == 2
    assert complaint in ran.err
    assert ran.out == ""
