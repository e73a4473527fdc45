"""Two gigabytes come by C-GET, and the whole process stays small."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.operations.getting import CT_ID, c_store, files_in
from tests.operations.test_find_memory import ROOT, serving
from trio_dicom import CGetRequest, CStoreResponse
from trio_dicom.lowlevel import encode_command, encode_data_set, fragment
from trio_dicom.testing import ConversationOver, ScriptedPeer

PROGRAM = Path(__file__).with_name("fetching.py")

MIB = 1024 * 1024
GIB = 1024 * MIB
MOST = 120 * 1000 * 1000  # bytes of the process as a whole


def pieces(data: bytes, *, is_command: bool = False, is_last: bool = False) -> bytes:
    """The PDUs that carry a command set, or a part of a data set."""
    return b"".join(fragment(CT_ID, data, is_command=is_command, is_last=is_last, size=131_060))


PIXELS = pieces(bytes(MIB))
LAST_PIXELS = pieces(bytes(MIB), is_last=True)


def beginning(uid: str, number: int, length: int) -> bytes:
    """The PDUs of an instance up to its pixel data, which have ``length`` bytes."""
    request = c_store(uid, number, data_set=None)
    data_set = Dataset()
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = uid
    header = b"\xe0\x7f\x10\x00OW\0\0" + length.to_bytes(4, "little")
    return pieces(encode_command(request, has_data_set=True), is_command=True, is_last=True) + (
        pieces(encode_data_set(data_set, ExplicitVRLittleEndian) + header)
    )


async def give(stream: trio.abc.Stream, *, instances: int, total: int) -> None:
    """Send so many instances that are ``total`` bytes together, as fast as it goes."""
    peer = ScriptedPeer(stream)
    await peer.accept(max_length=131_072)
    request = await peer.expect_message(CGetRequest)
    size = total // instances
    for number in range(1, instances + 1):
        await stream.send_all(beginning(f"1.2.{number}", number, size))
        for _ in range(size // MIB - 1):
            await stream.send_all(PIXELS)
        await stream.send_all(LAST_PIXELS)
        answer = await peer.expect_message(CStoreResponse)
        assert answer.status.is_success
        await peer.reply(request, 0xFF00, remaining=instances - number, completed=number)
    await peer.reply(request, 0x0000, completed=instances)
    with pytest.raises(ConversationOver):
        await peer.receive_message()


@pytest.mark.scenario("B50")
@pytest.mark.pitfall(29)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module to measure with")
@pytest.mark.parametrize(
    "instances, total, pause",
    [
        pytest.param(256, 2 * GIB, 0.0, id="many instances"),
        pytest.param(1, 2 * GIB, 0.0, id="one instance"),
        pytest.param(1, GIB // 4, 0.01, id="a slow disk"),
    ],
)
async def test_two_gigabytes_come_in_less_than_120_megabytes_of_memory(
    instances: int, total: int, pause: float, tmp_path: Path
) -> None:
    async with trio.open_nursery() as nursery:
        port = await serving(nursery, partial(give, instances=instances, total=total))
        ended = await trio.run_process(
            [sys.executable, str(PROGRAM), str(port), str(tmp_path), str(pause)],
            capture_stdout=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        nursery.cancel_scope.cancel()
    count, size, status, peak, seconds = ended.stdout.decode().split(";")
    sys.stdout.write(f"{total / MIB / float(seconds):.0f} MiB/s in {int(peak) / 1e6:.1f} MB\n")
    assert (int(count), status) == (instances, "0000H (success)")
    assert int(size) > total
    assert int(peak) < MOST
    assert files_in(tmp_path) == []
