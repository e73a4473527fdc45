"""Have an archive keep files: python commitment.py HOST PORT FILE..."""

import sys

import trio
from pydicom import dcmread

from trio_dicom import CommitmentResult, Receiver, open_association, request_commitment
from trio_dicom.sop_classes import STORAGE_COMMITMENT


# [same
async def main(host: str, port: int, *paths: str) -> CommitmentResult:
    instances = [dcmread(path, stop_before_pixels=True) for path in paths]
    async with (
        open_association(host, port, contexts=[STORAGE_COMMITMENT]) as association,
        request_commitment(association, instances) as commitment,
    ):
        with trio.fail_after(60):
            result = await commitment.result()
    for instance in result.instances:
        print(instance.reference.sop_instance_uid, instance.words)
    return result
    # same]


# [elsewhere
async def with_receiver(receiver: Receiver, host: str, port: int, *paths: str) -> CommitmentResult:
    instances = [dcmread(path, stop_before_pixels=True) for path in paths]
    async with (
        open_association(
            host, port, calling_ae=receiver.ae_title, contexts=[STORAGE_COMMITMENT]
        ) as association,
        request_commitment(association, instances, receiver=receiver) as commitment,
    ):
        await association.release()  # the report comes to the receiver
        return await commitment.result()
    # elsewhere]


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
