"""A Connect app whose events are worked on by rq: one process answers the site, another works.

python events_rq.py                    the app
rq worker --url $REDIS_URL events      the work, in this folder
"""

import asyncio
import os

import redis
import rq
import uvicorn
from starlette.applications import Starlette

from headway.app.delivery import Delivery
from headway.app.payloads.jira import IssueUpdated
from headway.app.receipts import RedisReceipts
from headway.app.starlette import Connect
from headway.app.webhooks import EventContext

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:3000")
broker = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))


class RqQueue:
    """What the app puts its events into; rq tries one that fails twice more."""

    jobs = rq.Queue("events", connection=broker)

    def put(self, delivery: Delivery) -> None:
        again = rq.Retry(max=2, interval=[10, 60])
        self.jobs.enqueue("events_rq.work", delivery.to_json(), result_ttl=0, retry=again)


connect = Connect(
    key="seen",
    name="Seen",
    base_url=BASE_URL,
    store="seen-data/seen.db",
    scopes=("READ", "WRITE"),
    queue=RqQueue(),
    receipts=RedisReceipts(broker),
)


@connect.webhook("jira:issue_updated", url="/updated?issue={issue.key}")
async def updated(event: IssueUpdated, context: EventContext) -> None:
    """Note on the issue that it was seen; the key is the address's, which is signed."""
    path = f"/rest/api/3/issue/{context.query['issue'][0]}/properties/seen"
    await context.client.put(path, json={"summary": event.issue.summary})


def work(told: bytes) -> None:
    """What a worker of rq calls."""
    asyncio.run(connect.work(told))


app = Starlette(routes=connect.routes, lifespan=connect.lifespan)
if __name__ == "__main__":  # a log of addresses would hold the tokens of pages
    uvicorn.run(app, port=3000, access_log=False, proxy_headers=False)
