"""Verify a connection and store files: python store.py HOST PORT FILE..."""

import sys

import trio

from trio_dicom import contexts_for_files, open_association
from trio_dicom.sop_classes import VERIFICATION


async def main(host: str, port: int, *paths: str) -> None:
    contexts = [VERIFICATION, *await contexts_for_files(paths)]
    async with open_association(host, port, called_ae="ARCHIVE", contexts=contexts) as association:
        echo = await association.c_echo()
        print("echo:", echo.status)
        async with association.c_store_many(paths) as results:
            async for result in results:
                print(f"{result.source}: {result.error or result.status}")


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
