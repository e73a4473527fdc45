"""``trio-dicom get`` asks which SOP classes there are, and proposes those."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    SecondaryCaptureImageStorage,
)

from tests.cli.conftest import Command
from tests.cli.servers import listening
from tests.operations.getting import ct, files_in, send
from trio_dicom import (
    AssociationRequest,
    CFindRequest,
    CGetRequest,
    EncodedDataSet,
)
from trio_dicom.cli.classes import contexts_within
from trio_dicom.sop_classes import (
    COMMON_STORAGE_CLASSES,
    COMPOSITE_INSTANCE_ROOT_GET,
    storage_contexts,
)
from trio_dicom.testing import ConversationOver, ScriptedPeer


def ct_context(proposed: AssociationRequest) -> int:
    """The first context for CT images."""
    contexts = [it for it in proposed.contexts if it.abstract_syntax == CTImageStorage]
    return contexts[0].context_id


class Peer:
    """Answers the query as it is told to, and the C-GET with one instance.

    Attributes:
        proposed: What was proposed in the association with the C-GET.
        wanted: What the C-GET asked for.
        levels: At which levels it was queried.
    """

    def __init__(self, answers: dict[str, Dataset], status: int = 0x0000) -> None:
        self._answers = answers
        self._status = status
        self.proposed: AssociationRequest | None = None
        self.wanted: Dataset | None = None
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
                self.proposed, self.wanted = proposed, request.identifier
                await self.get(peer, request, proposed)

    async def get(self, peer: ScriptedPeer, request: CGetRequest, it: AssociationRequest) -> None:
        """Answer a C-GET on an association with these contexts."""
        answer = await send(peer, context_id=ct_context(it))
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
        assert of_class[0].transfer_syntaxes == (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        assert len({it.transfer_syntaxes for it in of_class}) == len(of_class)
    # Those that are likely go first.
    assert contexts[30].transfer_syntaxes == (JPEGLosslessSV1,)


def test_a_few_have_all_of_theirs() -> None:
    contexts, are_all = contexts_within([CTImageStorage, SecondaryCaptureImageStorage], 126)
    assert are_all
    assert set(contexts) == set(
        storage_contexts([CTImageStorage, SecondaryCaptureImageStorage], as_stored=True)
    )


# --- what is known by a series or an instance alone ----------------------------------------


@pytest.mark.parametrize("name", ["SeriesInstanceUID", "SOPInstanceUID"])
async def test_without_a_study_the_instances_are_asked_for_at_once(
    command: Command, tmp_path: Path, name: str
) -> None:
    peer = Peer({"IMAGE": match(SOPInstanceUID="1.2.3", SOPClassUID=CTImageStorage)})
    async with listening(peer) as address:
        ran = await command("get", address, "-k", f"{name}=1.2.3", "--into", tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert peer.levels == ["IMAGE"]
    assert peer.classes == AS_STORED


async def test_a_peer_that_finds_nothing_without_a_study_is_told_from_one_that_does_not_say(
    command: Command, tmp_path: Path
) -> None:
    async with listening(Refusing({})) as address:
        ran = await command("get", address, "-k", "SOPInstanceUID=1.2.3", "--into", tmp_path)
    assert ran.code == 1
    assert ran.err == "The peer finds nothing by these keys: try StudyInstanceUID with them.\n"


@pytest.mark.filterwarnings("error")
async def test_a_uid_that_is_none_is_for_the_peer_to_judge(
    command: Command, tmp_path: Path
) -> None:
    async with listening(Refusing({})) as address:
        ran = await command("get", address, "-k", "StudyInstanceUID=1.02.x", "--into", tmp_path)
    assert ran.code == 1
    assert ran.err == "The peer knows of nothing that matches.\n"


# --- peers that cannot send compressed instances beside uncompressed ones -------------------


class Refusing(Peer):
    """Sends nothing where it may send uncompressed; else all that it is asked for.

    Attributes:
        asked: What it was asked for, on the association with each C-GET.
    """

    def __init__(self, answers: dict[str, Dataset]) -> None:
        super().__init__(answers)
        self.asked: list[tuple[AssociationRequest, Dataset]] = []

    async def get(self, peer: ScriptedPeer, request: CGetRequest, it: AssociationRequest) -> None:
        assert request.identifier is not None
        self.asked.append((it, request.identifier))
        storage = [context for context in it.contexts if "5.1.4.1.1." in context.abstract_syntax]
        if any(ExplicitVRLittleEndian in context.transfer_syntaxes for context in storage):
            await peer.reply(request, 0xA702, completed=0, failed=1, warning=0)
            return
        (context, *_) = [it for it in storage if JPEGLosslessSV1 in it.transfer_syntaxes]
        compressed = EncodedDataSet(ct().data, JPEGLosslessSV1)
        await send(peer, context_id=context.context_id, data_set=compressed)
        await peer.reply(request, 0x0000, completed=1, failed=0, warning=0)


@pytest.mark.scenario("B21")
@pytest.mark.parametrize("says", [True, False])
async def test_what_does_not_come_is_asked_for_once_more_compressed(
    command: Command, tmp_path: Path, says: bool
) -> None:
    image = match(SOPInstanceUID="1.2.3")
    if says:
        image.SOPClassUID = CTImageStorage
    peer = Refusing({**TO_SERIES, "IMAGE": image})
    keys = ("-k", "StudyInstanceUID=1.2", "-k", "PatientID=P")
    async with listening(peer) as address:
        ran = await command("get", address, *keys, "--into", tmp_path, "--json")
    assert (ran.code, ran.err) == (0, "")
    *_, end = ran.records
    assert (end["status"], end["completed"], end["failed"]) == (0, 1, 0)
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    _, (proposed, query) = peer.asked
    assert query == match(
        QueryRetrieveLevel="IMAGE",
        PatientID="P",
        StudyInstanceUID="1.2",
        SeriesInstanceUID="1.2.1",
        SOPInstanceUID="1.2.3",
    )
    for context in proposed.contexts[2:]:
        assert all(UID(syntax).is_encapsulated for syntax in context.transfer_syntaxes)
        assert len(context.transfer_syntaxes) == 1 or not says
    assert len(proposed.contexts) <= 128


async def test_what_came_is_not_asked_for_again(command: Command, tmp_path: Path) -> None:
    class HalfHearted(Refusing):
        async def get(
            self, peer: ScriptedPeer, request: CGetRequest, it: AssociationRequest
        ) -> None:
            assert request.identifier is not None
            self.asked.append((it, request.identifier))
            await send(peer, context_id=ct_context(it))
            await peer.reply(request, 0xB000, completed=1, failed=1, warning=0)

    peer = HalfHearted({**TO_SERIES, "IMAGE": match(SOPInstanceUID="1.2.3")})
    async with listening(peer) as address:
        ran = await command("get", address, "-k", "StudyInstanceUID=1.2", "--into", tmp_path)
    assert ran.code == 1
    assert "The peer sent 1 and failed to send 1: B000H" in ran.out
    assert len(peer.asked) == 1


# --- frames ---------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [["-k", "SimpleFrameList=1\\2"], ["--level", "frame"]])
async def test_frames_are_asked_of_the_model_that_has_them(
    command: Command, tmp_path: Path, options: list[str]
) -> None:
    peer = Peer({})
    async with listening(peer) as address:
        uid = "SOPInstanceUID=1.2.9"
        ran = await command("get", address, "-k", uid, *options, "--into", tmp_path)
    assert ran.code == 0
    assert peer.proposed is not None
    assert peer.proposed.contexts[0].abstract_syntax == COMPOSITE_INSTANCE_ROOT_GET.abstract_syntax
    assert peer.wanted is not None
    assert peer.wanted.QueryRetrieveLevel == "FRAME"
