"""A model that takes its time: each chat completion is answered whole, a fixed time after it was asked.

    python -m benchmarks.load.slow_model --ms 200

It prints its port when it is ready.  Every answer is the same few words, with usage; what is measured in front of it is
everything but the model.
"""

import argparse
import asyncio
import json
from typing import Final

from benchmarks.load.wrk import MODEL

__all__ = ["answer_of", "length_of", "serve"]

HEADERS_END: Final = b"\r\n\r\n"


def answer_of(number: int) -> bytes:
    """The bytes of one answer, head and body."""
    body = json.dumps(
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": MODEL,
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "I do not know."}}
            ],
            "usage": {"prompt_tokens": 40, "completion_tokens": 5, "total_tokens": 45},
        }
    ).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def length_of(head: bytes) -> int:
    """How many bytes of body follow a request's head."""
    lines = head.lower().split(b"\r\n")
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)


async def serve(seconds: float, ready: asyncio.Future[int]) -> None:
    """Answer for ever; `ready` gets the port."""
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        try:
            while True:
                head = await reader.readuntil(HEADERS_END)
                await reader.readexactly(length_of(head))
                asked += 1
                await asyncio.sleep(seconds)
                writer.write(answer_of(asked))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=256)
    ready.set_result(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


async def _main(seconds: float) -> None:
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(seconds, ready))
    print(json.dumps({"port": await ready}), flush=True)
    await task


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ms", type=float, default=200.0)
    asyncio.run(_main(parser.parse_args().ms / 1000))
