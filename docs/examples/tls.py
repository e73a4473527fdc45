"""Encrypt, and say who we are."""

import ssl

from trio_dicom import open_association, username_and_passcode
from trio_dicom.sop_classes import VERIFICATION


async def main(host: str, port: int, ca: str, certificate: str, key: str) -> str:
    # [tls
    tls = ssl.create_default_context(cafile=ca)
    tls.load_cert_chain(certificate, key)
    async with open_association(host, port, contexts=[VERIFICATION], tls=tls) as association:
        response = await association.c_echo()
    # tls]
    # [identity
    identity = username_and_passcode("reader", "a secret")
    async with open_association(
        host, port, contexts=[VERIFICATION], tls=tls, user_identity=identity
    ):
        ...
    # identity]
    return str(response.status)
