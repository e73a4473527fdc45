"""``trio-dicom get`` asks which SOP classes there are, and proposes those."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from tests.cli.conftest import Command
from tests.cli.servers import listening
from tests.operations.getting import files_in, send
from trio_dicom import (
    AssociationRequest,
    CFindRequest,
    CGetRequest,
)
from trio_dicom.cli.classes import contexts_within
from trio_dicom.sop_classes import COMMON_STORAGE_CLASSES, storage_contexts
from trio_dicom.testing import ConversationOver, ScriptedPeer


def ct_context(proposed: AssociationRequest) -> int:
    """The first context for CT images."""
    contexts = [it for it in proposed.contexts if it.abstract_syntax == CTImageStorage]
    return contexts[0].context_id


class Peer:
    """Answers the query as it is told to, and the C-GET with one instance.

    Attributes:
        proposed: What was proposed in the association with the C-GET.
        levels: At which levels it was queried.
    """

    def __init__(self, answers: dict[str, Dataset], status: int = 0x0000) -> None:
        self._answers = answers
        self._status = status
        self.proposed: AssociationRequest | None = None
        self.levels: list[str] = []

    async def __call__(self, stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        proposed = await peer.accept()
        with suppress(ConversationOver):
            while True:
                request = await peer.receive_message()
                if isinstance(request, CFindRequest):
                    level = request.identifier.QueryRetrieveLevel
                    self.levels.append(level)
                    if level in self._answers:
                        await peer.reply(request, 0xFF00, data_set=self._answers[level])
                    await peer.reply(request, self._status)
                    continue
                assert isinstance(request, CGetRequest)
                self.proposed = proposed
                context = next(
                    it for it in proposed.contexts if it.abstract_syntax == CTImageStorage
                )
                answer = await send(peer, context_id=context.context_id)
                assert answer.status.is_success
                await peer.reply(request, 0x0000)

    @property
    def classes(self) -> list[str]:
        """The storage classes that were proposed, each as often as it was."""
        assert self.proposed is not None
        return [it.abstract_syntax for it in self.proposed.contexts[2:]]


def match(**values: object) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


TO_SERIES = {"STUDY": match(StudyInstanceUID="1.2"), "SERIES": match(SeriesInstanceUID="1.2.1")}
AS_STORED = [CTImageStorage] * len(storage_contexts(CTImageStorage, as_stored=True))


@pytest.mark.parametrize(
    "answers, status, levels, classes",
    [
        pytest.param(
            {"STUDY": match(StudyInstanceUID="1.2", SOPClassesInStudy=CTImageStorage)},
            0x0000,
            ["STUDY"],
            AS_STORED,
            id="it says so of the study",
        ),
        pytest.param(
            {**TO_SERIES, "IMAGE": match(SOPClassUID=CTImageStorage)},
            0x0000,
            ["STUDY", "SERIES", "IMAGE"],
            AS_STORED,
            id="it says so of each instance",
        ),
        pytest.param(
            {**TO_SERIES, "IMAGE": match(SOPInstanceUID="1.2.3")},
            0x0000,
            ["STUDY", "SERIES", "IMAGE"],
            list(COMMON_STORAGE_CLASSES),
            id="it does not say",
        ),
        pytest.param({}, 0xA900, ["STUDY"], list(COMMON_STORAGE_CLASSES), id="it fails"),
        pytest.param({}, 0x0000, ["STUDY"], list(COMMON_STORAGE_CLASSES), id="it knows nothing"),
    ],
)
@pytest.mark.scenario("B21")
async def test_the_peer_is_asked_for_the_classes_as_far_as_it_knows_them(
    command: Command,
    tmp_path: Path,
    answers: dict[str, Dataset],
    status: int,
    levels: list[str],
    classes: list[str],
) -> None:
    peer = Peer(answers, status)
    async with listening(peer) as address:
        ran = await command("get", address, "-k", "StudyInstanceUID=1.2", "--into", tmp_path)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "The peer is done"
    assert ran.err == ""  # all went well: there is nothing to doubt
    assert peer.levels == levels
    assert peer.classes == classes
    assert files_in(tmp_path) == ["1.2.3.dcm"]


async def test_a_peer_without_queries_is_asked_for_the_usual_ones(
    command: Command, tmp_path: Path
) -> None:
    async def behave(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        await peer.accept(refuse=("1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.2.1"))
        with suppress(ConversationOver):
            request = await peer.expect_message(CGetRequest)
            await peer.reply(request, 0xA702, failed=3)
            await peer.receive_message()

    async with listening(behave) as address:
        ran = await command("get", address, "-k", "StudyInstanceUID=1.2", "--into", tmp_path)
    assert ran.code == 1
    assert "failed to send 3: A702H (failure" in ran.out
    assert "so the usual ones were proposed, uncompressed" in ran.err


async def test_a_peer_that_hangs_up_in_the_middle_leaves_what_came(
    command: Command, tmp_path: Path
) -> None:
    async def behave(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        proposed = await peer.accept()
        with suppress(ConversationOver):
            request = await peer.receive_message()
            if isinstance(request, CFindRequest):
                await peer.reply(request, 0x0000)
                await peer.receive_message()
            await send(peer, context_id=ct_context(proposed))
            await peer.abort()
            await peer.receive_message()

    async with listening(behave) as address:
        ran = await command("get", address, "-k", "StudyInstanceUID=1.2", "--into", tmp_path)
    assert ran.code == 1
    assert "1 received" in ran.out
    assert "aborted" in ran.err
    assert files_in(tmp_path) == ["1.2.3.dcm"]


def test_many_classes_share_the_contexts_and_all_have_the_uncompressed_ones() -> None:
    classes = COMMON_STORAGE_CLASSES[:30]
    contexts, are_all = contexts_within(classes, 126)
    assert not are_all
    assert len(contexts) == 126
    for uid in classes:
        of_class = [it for it in contexts if it.abstract_syntax == uid]
        assert ExplicitVRLittleEndian in of_class[0].transfer_syntaxes


def test_a_few_have_all_of_theirs() -> None:
    contexts, are_all = contexts_within([CTImageStorage, SecondaryCaptureImageStorage], 126)
    assert are_all
    assert set(contexts) == set(
        storage_contexts([CTImageStorage, SecondaryCaptureImageStorage], as_stored=True)
    )
