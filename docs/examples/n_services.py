"""Ask a printer how it is, attribute by attribute: python n_services.py HOST PORT"""

import sys

import trio

from trio_dicom import open_association
from trio_dicom.sop_classes import BASIC_GRAYSCALE_PRINT

PRINTER = "1.2.840.10008.5.1.1.16"  # its context is that of the meta SOP class
THE_PRINTER = "1.2.840.10008.5.1.1.17"


async def main(host: str, port: int) -> str:
    async with open_association(host, port, contexts=[BASIC_GRAYSCALE_PRINT]) as association:
        response = await association.n_get(
            PRINTER, THE_PRINTER, ["PrinterStatus", "PrinterName"], idle_timeout=10
        )
        response.raise_for_status()  # or look at response.status
        values = response.attribute_list
        return f"{values.PrinterName}: {values.PrinterStatus}" if values else "nothing told"


if __name__ == "__main__":
    print(trio.run(main, sys.argv[1], int(sys.argv[2])))
