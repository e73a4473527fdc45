"""Store files from several tasks: python window.py HOST PORT FILE..."""

import sys

import trio

from trio_dicom import Association, contexts_for_files, open_association


async def main(host: str, port: int, *paths: str) -> None:
    async with open_association(
        host, port, contexts=await contexts_for_files(paths), max_operations_invoked=0
    ) as association:
        print("at once:", association.negotiated.max_operations_invoked or "any number")
        async with trio.open_nursery() as nursery:
            for path in paths:
                nursery.start_soon(store, association, path)


async def store(association: Association, path: str) -> None:
    response = await association.c_store(path)
    print(f"{path}: {response.status}")


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
