"""``trio-dicom demo``: it shows what happened, also when that is not what should."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pydicom
import pytest
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

import trio_dicom.testing
from tests.cli.conftest import Command
from trio_dicom import CStoreResponse, EncodedDataSet
from trio_dicom.cli import demo as demo_module
from trio_dicom.testing import MemoryArchive, open_archive


async def test_every_file_comes_back_as_it_was(command: Command) -> None:
    ran = await command("demo")
    assert ran.code == 0
    assert ran.err == ""
    assert "NO" not in ran.out
    for operation in ("C-ECHO", "C-STORE", "C-FIND", "C-GET"):
        assert operation in ran.out
    assert ran.out.endswith("13 of 13 files came back byte for byte.\n")
    assert max(map(len, ran.out.splitlines())) <= 80


async def test_json_is_one_object_for_each_file(command: Command) -> None:
    ran = await command("demo", "--json")
    assert ran.code == 0
    assert len(ran.records) == 13
    for it in ran.records:
        assert [it[step] for step in ("stored", "found", "fetched", "identical")] == [True] * 4
        meta = pydicom.dcmread(it["path"], stop_before_pixels=True).file_meta
        assert it["transfer_syntax"] == meta.TransferSyntaxUID
        assert it["sop_instance_uid"] == meta.MediaStorageSOPInstanceUID
        assert 0 < it["bytes"] < os.path.getsize(it["path"])  # noqa: PTH202, ASYNC240  a test
    assert len({it["sop_instance_uid"] for it in ran.records}) == 13


async def test_it_shows_every_kind_of_transfer_syntax(command: Command) -> None:
    ran = await command("demo", "--json")
    assert {UID(it["transfer_syntax"]) for it in ran.records} >= {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGBaseline8Bit,
        JPEG2000,
    }


async def test_verbose_logs_to_standard_error(command: Command) -> None:
    ran = await command("demo", "--json", "-v")
    assert len(ran.records) == 13
    assert "CGetRequest" in ran.err


async def test_one_changed_byte_is_exit_code_1(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What arrives is changed, because the archive has no way to change what it keeps.
    real = demo_module._Inbox.on_c_store_request

    async def spoiled(inbox: demo_module._Inbox, request: object) -> CStoreResponse:
        response = await real(inbox, request)
        uid, data_set = inbox.arrived.popitem()
        data = bytearray(data_set.data)
        data[-1] ^= len(inbox.arrived) == 0
        inbox.arrived[uid] = EncodedDataSet(bytes(data), data_set.transfer_syntax)
        return response

    monkeypatch.setattr(demo_module._Inbox, "on_c_store_request", spoiled)
    ran = await command("demo")
    as_json = await command("demo", "--json")
    assert ran.code == as_json.code == 1
    assert ran.out.endswith("12 of 13 files came back byte for byte.\n")
    assert sorted(it["identical"] for it in as_json.records) == [False] + [True] * 12


async def test_an_archive_that_forgets_is_exit_code_1(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def forgetful() -> AsyncGenerator[MemoryArchive, None]:
        async with open_archive() as archive:
            monkeypatch.setattr(type(archive.instances), "select", lambda *_: [])
            yield archive

    monkeypatch.setattr(trio_dicom.testing, "open_archive", forgetful)
    ran = await command("demo", "--json")
    assert ran.code == 1
    assert {(it["stored"], it["found"], it["fetched"]) for it in ran.records} == {
        (True, True, False)
    }


async def test_an_archive_that_fails_is_exit_code_1_with_what_came_before(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def failing() -> AsyncGenerator[MemoryArchive, None]:
        async with open_archive() as archive:

            def select(*_: object) -> None:
                raise ValueError("nothing here")

            monkeypatch.setattr(type(archive.instances), "select", select)
            yield archive

    monkeypatch.setattr(trio_dicom.testing, "open_archive", failing)
    ran = await command("demo")
    assert ran.code == 1
    assert "C-GET ended with status" in ran.err
    assert "0 of 13 files" in ran.out


async def test_without_pydicom_s_files_there_is_nothing_to_show(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "_FILES", ())
    ran = await command("demo")
    assert ran.code == 1
    assert "without its test files" in ran.err
