"""The courier: sends what waits in the outbox of webhooks. Any number may run at once.

It works beside the scheduler's loop, so that no receiver holds up a bell, and every try has its end.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from socket import SOCK_STREAM, gaierror, getaddrinfo

import httpx
import structlog
from sqlalchemy.exc import DBAPIError

from core.errors import TargetRefused
from core.public_address import Address, require_public
from core.settings import Settings
from core.signature import signed_headers
from core.store.deliveries import Delivery, Try, claim_deliveries, has_due, record_try
from core.store.session import Store

log = structlog.get_logger()

TRY_SECONDS = 10.0  # all of a try: the name, the connection, the answer's head
AT_ONCE = 32


def deliver(settings: Settings, store: Store, *, is_stopped: Callable[[], bool]) -> None:
    """Send what is due until told to stop; what is on its way then is brought to its end."""
    asyncio.run(Courier(settings, store).work(is_stopped))


class Courier:
    """Sends messages, each webhook's one after the other, at most `AT_ONCE` together."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._tls = httpx.create_ssl_context()
        self._names = ThreadPoolExecutor(AT_ONCE, "webhook-names")  # names that hang block no database thread
        self._try_seconds = min(TRY_SECONDS, settings.lease_seconds / 2)  # a try ends before its lease

    async def work(self, is_stopped: Callable[[], bool]) -> None:
        """Send until told to stop; an outage of the database is waited out."""
        sending: set[asyncio.Task[None]] = set()
        while not is_stopped():
            try:
                claimed = await asyncio.to_thread(self._claim, AT_ONCE - len(sending))
                sending |= {asyncio.create_task(self._send(delivery)) for delivery in claimed}
            except DBAPIError as error:
                log.warning("database_unreachable", error=str(error.orig))
            await asyncio.sleep(self._settings.ring_seconds)
            ended = {task for task in sending if task.done()}
            sending -= ended
            for task in ended:
                task.result()
        await asyncio.gather(*sending)
        self._names.shutdown(wait=False)

    def _claim(self, limit: int) -> list[Delivery]:
        with self._store.read() as session:
            if not limit or not has_due(session):
                return []
        with self._store.write() as session:
            return claim_deliveries(session, limit=limit, lease_seconds=self._settings.lease_seconds)

    async def _send(self, delivery: Delivery) -> None:
        tried = await self._try(delivery)
        try:
            held = await asyncio.to_thread(self._record, delivery, tried)
        except DBAPIError as error:  # it is sent again, under the same id, when the lease is over
            log.warning("delivery_not_recorded", message=delivery.id, error=str(error.orig))
            return
        said = {"status": tried.status, "error": tried.error, "seconds": tried.seconds}
        log.info("webhook_tried" if held else "webhook_try_refused", message=delivery.id, **said)

    def _record(self, delivery: Delivery, tried: Try) -> bool:
        backoff = self._settings.webhook_backoff_seconds
        with self._store.write() as session:
            return record_try(session, delivery, tried, backoff_seconds=backoff)

    async def _try(self, delivery: Delivery) -> Try:
        """Send a message once; whatever the receiver does is an outcome."""
        at, started = datetime.now(UTC), time.monotonic()
        status, error, is_final = None, None, False
        try:
            async with asyncio.timeout(self._try_seconds):
                status = await self._post(delivery, at)
        except TargetRefused as refusal:
            error, is_final = str(refusal), True
        except TimeoutError:
            error = f"There was no answer within {self._try_seconds:g} seconds."
        except (gaierror, UnicodeError) as failure:
            error = f"The name has no address: {failure}."
        except httpx.TransportError as failure:
            error = f"The connection failed: {failure or type(failure).__name__}."
        if status is not None and not 200 <= status < 300:
            error = f"It answered {status}, not 2xx; redirects are not followed."
        return Try(at, round(time.monotonic() - started, 3), status, error, is_final)

    async def _post(self, delivery: Delivery, at: datetime) -> int:
        """The status of the answer, from the first address of the target that lets itself be connected to."""
        url = httpx.URL(delivery.url)
        signed = signed_headers(delivery.secret, delivery.id, int(at.timestamp()), delivery.body)
        headers = {
            "Host": url.netloc.decode(),
            "Content-Type": "application/json",
            "User-Agent": f"Lethe/{version('lethe')}",
            **signed,
        }
        *others, last = await self._addresses(url)
        for address in others:
            try:
                return await self._post_to(address, url, headers, delivery.body)
            except httpx.ConnectError:
                continue
        return await self._post_to(last, url, headers, delivery.body)

    async def _addresses(self, url: httpx.URL) -> list[Address]:
        """All addresses of a target, once each.

        Raises:
            TargetRefused: one of them is not public.
            gaierror: there are none.
        """
        host, port = url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)
        look_up = partial(getaddrinfo, host, port, type=SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._names, look_up)
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
        for address in addresses:
            require_public(address, allow_loopback=self._settings.webhook_loopback)
        return list(dict.fromkeys(addresses))

    async def _post_to(self, address: Address, url: httpx.URL, headers: dict[str, str], body: str) -> int:
        """Connect to the very address that was checked: a name may lead elsewhere a moment later.

        A transport of its own for each message: receivers share no connection or proxy. Nothing above it,
        such as a client, as that reads redirects and cookies of whoever answers. The time is limited around
        all of it, as a receiver may send byte after byte.
        """
        request = httpx.Request(
            "POST",
            url.copy_with(host=str(address)),
            content=body.encode(),
            headers=headers,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},  # what the certificate must name
        )
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as transport:
            answer = await transport.handle_async_request(request)
            await answer.aclose()  # what the receiver says beyond its status is not read
        return answer.status_code
