"""Log what goes over the wire."""

import logging

from trio_dicom import LoggingInstrument, open_association
from trio_dicom.sop_classes import VERIFICATION


async def main(host: str, port: int) -> None:
    # [watch
    logging.getLogger("trio_dicom.wire").setLevel(logging.DEBUG)
    async with open_association(
        host, port, contexts=[VERIFICATION], instrument=LoggingInstrument()
    ) as association:
        await association.c_echo()
    # watch]
