"""The connection with its callbacks: python handler.py HOST PORT"""

import sys

import trio

from trio_dicom import BaseHandler, CEchoRequest, Request, Response, open_connection, propose
from trio_dicom.sop_classes import VERIFICATION


class Telling(BaseHandler):
    async def on_request_completed(self, request: Request, response: Response) -> None:
        print("completed:", request.operation, response.status)

    async def on_connection_closed(self, exception: Exception | None) -> None:
        print("closed:", exception or "in order")


async def main(host: str, port: int) -> None:
    async with open_connection(host, port, handler=Telling()) as connection:
        request = propose(called_ae="ARCHIVE", calling_ae="READER", contexts=[VERIFICATION])
        await connection.send_association_request(request)
        await connection.send_request(CEchoRequest())  # returns when it is written
        await connection.wait_send_queue_empty()  # and this when it is answered
        await connection.send_association_release_request()


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))
