"""Propose contexts of one's own and see what the peer made of them."""

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless

from trio_dicom import PresentationContext, open_association


async def main(host: str, port: int) -> list[str]:
    # [contexts
    contexts = [
        # Two contexts for one SOP class: the peer may accept both.
        PresentationContext(CTImageStorage, [JPEG2000Lossless]),
        PresentationContext(CTImageStorage),  # in the uncompressed little endian syntaxes
        # A SOP class and a transfer syntax of our own.
        PresentationContext("1.2.826.0.1.3680043.9.1", [ExplicitVRLittleEndian]),
    ]
    async with open_association(host, port, contexts=contexts) as association:
        return [str(context) for context in association.negotiated.contexts]
    # contexts]
