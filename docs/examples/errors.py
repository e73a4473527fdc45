"""Store one file and say what became of it, whatever happens."""

import sys

import trio

from trio_dicom import (
    AssociationRejected,
    ConnectFailed,
    ConnectionEnded,
    NoAcceptedContext,
    OperationTimeout,
    TrioDicomError,
    contexts_for_files,
    open_association,
)


async def main(host: str, port: int, path: str) -> str:
    try:
        contexts = await contexts_for_files([path])
        async with open_association(host, port, contexts=contexts) as association:
            response = await association.c_store(path)
            return "stored" if response.status.is_success else f"answered: {response.status}"
    except (ConnectFailed, OperationTimeout) as error:
        return f"nobody there, or nobody answers: {error}"
    except AssociationRejected as error:
        return f"not welcome: {error.reason.words}"
    except NoAcceptedContext as error:
        return f"the peer takes no such instance: {error.wanted}"
    except ConnectionEnded as error:
        return f"the connection ended; the request was {error.delivery}"
    except TrioDicomError as error:  # everything else that trio_dicom raises on purpose
        return f"failed: {error}"


if __name__ == "__main__":
    print(trio.run(main, sys.argv[1], int(sys.argv[2]), sys.argv[3]))
