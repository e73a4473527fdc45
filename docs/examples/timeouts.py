"""Choose how long to wait."""

import trio

from trio_dicom import ConnectionOptions, Timeouts, open_association
from trio_dicom.sop_classes import VERIFICATION


async def main(host: str, port: int) -> str:
    # [options
    options = ConnectionOptions(timeouts=Timeouts(connect=5, associate=10, idle=120))
    with trio.fail_after(600):  # a limit to everything, Trio's own
        async with open_association(
            host, port, contexts=[VERIFICATION], options=options
        ) as association:
            response = await association.c_echo(idle_timeout=3)
    # options]
    return str(response.status)
