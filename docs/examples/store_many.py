"""Store files, and once more what got lost: python store_many.py HOST PORT FILE..."""

import sys
from collections.abc import Sequence

import trio

from trio_dicom import ConnectionEnded, contexts_for_files, open_association


async def main(host: str, port: int, *paths: str) -> None:
    missing = await store(host, port, paths)
    if missing:
        missing = await store(host, port, missing)
    print(f"{len(paths) - len(missing)} of {len(paths)} stored")


async def store(host: str, port: int, paths: Sequence[str]) -> list[str]:
    """Store files on an association of their own; return those that the peer has not got."""
    missing = dict.fromkeys(paths)
    contexts = await contexts_for_files(paths)
    async with open_association(host, port, contexts=contexts) as association:
        try:
            async with association.c_store_many(paths) as results:
                async for result in results:
                    if result.is_stored:
                        missing.pop(str(result.source), None)
                    else:
                        print(f"{result.source}: {result.error or result.status}")
        except ConnectionEnded as error:
            print(f"the rest was not tried: {error}")
    return list(missing)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
