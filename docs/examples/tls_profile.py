"""Offer no cipher suite but those of the stricter profile."""

import ssl

from trio_dicom import open_association
from trio_dicom.sop_classes import VERIFICATION


# [profile
def modified_bcp_195(ca: str | None = None) -> ssl.SSLContext:
    """A client's context for the profile of PS3.15 B.13."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("@SECLEVEL=2:ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AESCCM")
    return context


# profile]


async def main(host: str, port: int, ca: str) -> str:
    tls = modified_bcp_195(ca)
    async with open_association(host, port, contexts=[VERIFICATION], tls=tls) as association:
        response = await association.c_echo()
    return str(response.status)
