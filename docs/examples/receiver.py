"""Take what peers bring for a while: python receiver.py PORT DIRECTORY SECONDS"""

import sys

import trio

from trio_dicom import Inbox, ReceivedInstance, open_receiver


def tell(instance: ReceivedInstance) -> None:
    print("received", instance.path.name)


async def main(port: int, directory: str, seconds: float) -> None:
    inbox = Inbox(directory, report=tell)
    async with open_receiver(port, into=inbox, ae_title="INBOX") as receiver:
        print("waiting at", receiver.address)
        await trio.sleep(seconds)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
