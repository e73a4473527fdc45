"""Record a conversation with an archive, and print who said what."""

from trio_dicom import Recording, open_association
from trio_dicom.recording import read_recording, sequence
from trio_dicom.sop_classes import VERIFICATION


async def main(host: str, port: int, path: str) -> None:
    # [record
    async with open_association(
        host, port, contexts=[VERIFICATION], instrument=Recording(path)
    ) as association:
        await association.c_echo()
    # record]
    # [read
    for line in sequence(read_recording(path)):
        print(line)
    # read]
