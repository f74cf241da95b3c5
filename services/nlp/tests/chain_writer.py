"""A process that writes chains until it is killed, as one worker of nlp does: `python chain_writer.py MONGO_URI DATABASE BATCH`."""

import asyncio
import sys

from chassis.mongo import database
from nlp.adapters.mongo_chain import MongoChain


async def main(uri: str, name: str, batch: int) -> None:
    async with database(uri, "test", name=name) as db:
        chain = MongoChain(db)
        print("up", flush=True)
        while True:  # without the lease: the keys alone must keep it right
            if not await chain.append_waiting(batch):
                await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
