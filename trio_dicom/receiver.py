"""The acceptor: a port of ours, for what peers bring on associations of their own."""

from __future__ import annotations

from trio_dicom._operations.receiving import Receiver, open_receiver

__all__ = ["Receiver", "open_receiver"]
