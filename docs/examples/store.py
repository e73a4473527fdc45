"""Verify a connection and store files: python store.py HOST PORT FILE..."""

import sys

import trio

from trio_dicom import PresentationContext, contexts_for_files, open_association

VERIFICATION = PresentationContext("1.2.840.10008.1.1")


async def main(host: str, port: int, *paths: str) -> None:
    contexts = [VERIFICATION, *contexts_for_files(paths)]
    async with open_association(host, port, called_ae="ARCHIVE", contexts=contexts) as association:
        print("echo:", await association.c_echo())
        for path in paths:
            print(f"{path}:", await association.c_store(path))


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
