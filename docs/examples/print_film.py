"""Print images beside each other on one film: python print_film.py HOST PORT FILE..."""

import sys

import trio
from pydicom import dcmread

from trio_dicom import Printed, get_printer, open_association, open_film_session
from trio_dicom.sop_classes import BASIC_GRAYSCALE_PRINT


# [print
async def main(host: str, port: int, *paths: str) -> Printed:
    async with open_association(host, port, contexts=[BASIC_GRAYSCALE_PRINT]) as association:
        printer = await get_printer(association)
        print(printer.name, printer.status, printer.status_info)
        async with open_film_session(association, medium="BLUE FILM") as session:
            film = await session.create_film_box((len(paths), 1), orientation="PORTRAIT")
            for box, path in zip(film.image_boxes, paths, strict=True):
                await session.set_image(box, dcmread(path))
            return await session.print(film)
    # print]


if __name__ == "__main__":
    print(trio.run(main, sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
