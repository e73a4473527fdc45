"""Talk to one certificate and no other."""

import ssl

from trio_dicom import ConnectionOptions, open_association
from trio_dicom.sop_classes import VERIFICATION


async def main(host: str, port: int, certificate: str, fingerprint: str) -> str:
    # [pin
    tls = ssl.create_default_context(cafile=certificate)  # it has signed itself
    tls.check_hostname = False  # and names something else than its host
    options = ConnectionOptions(peer_fingerprints=fingerprint)
    async with open_association(
        host, port, contexts=[VERIFICATION], tls=tls, options=options
    ) as association:
        response = await association.c_echo()
    # pin]
    return str(response.status)
