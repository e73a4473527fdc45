"""``python -m trio_dicom`` is ``trio-dicom``."""

from __future__ import annotations

import sys

from trio_dicom.cli import main

if __name__ == "__main__":
    sys.exit(main())
