"""Frames of an instance, which come as an instance of their own (PS3.4 Annex Y)."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from tests.operations.getting import ct, getting
from trio_dicom import CGetRequest, NoAcceptedContext
from trio_dicom._operations.query_models import MOVE
from trio_dicom._operations.unique_keys import UniqueKeys
from trio_dicom.sop_classes import (
    COMPOSITE_INSTANCE_ROOT_GET,
    COMPOSITE_INSTANCE_ROOT_MOVE,
    STUDY_ROOT_GET,
    storage_contexts,
)


def frames_query() -> Dataset:
    query = Dataset()
    query.SOPInstanceUID = "1.2.9"
    query.SimpleFrameList = [1, 2]
    return query


async def test_frames_are_asked_of_the_only_model_that_has_them(tmp_path: Path) -> None:
    contexts = [STUDY_ROOT_GET, COMPOSITE_INSTANCE_ROOT_GET, *storage_contexts(CTImageStorage)]
    async with (
        getting(contexts=contexts) as (association, peer),
        association.c_get(frames_query(), into=tmp_path, level="frame") as retrieval,
    ):
        request = await peer.expect_message(CGetRequest)
        assert request.sop_class_uid == COMPOSITE_INSTANCE_ROOT_GET.abstract_syntax
        assert request.identifier is not None
        assert request.identifier.QueryRetrieveLevel == "FRAME"
        assert request.identifier.SimpleFrameList == [1, 2]
        await peer.reply(request, 0x0000)
        await retrieval.final()


async def test_without_that_model_nothing_is_sent(tmp_path: Path) -> None:
    async with getting() as (association, _):
        with pytest.raises(NoAcceptedContext, match="Composite Instance Root Retrieve"):
            async with association.c_get(frames_query(), into=tmp_path, level="FRAME"):
                raise AssertionError


def test_a_move_of_frames_asks_it_too() -> None:
    assert MOVE.fitting([], "FRAME") == COMPOSITE_INSTANCE_ROOT_MOVE.abstract_syntax


@pytest.mark.parametrize("level", ["FRAME", "IMAGE"])
def test_what_comes_of_frames_has_a_uid_that_nobody_has_asked_for(level: str) -> None:
    query = frames_query()
    query.QueryRetrieveLevel = level
    came = ct("1.2.9.1")
    assert UniqueKeys.of(query).match(came) == (level == "FRAME")
