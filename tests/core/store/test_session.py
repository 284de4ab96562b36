"""A store's connections: none is left open, whoever used it last."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import event, text

from core.store.session import Store
from tests.services import fresh_postgres_url


@pytest.mark.postgres
def test_a_closed_store_closes_connections_that_are_still_in_use_when_they_come_back():
    with fresh_postgres_url() as url:
        store = Store(url)
        connections = []
        event.listen(store.engine, "connect", lambda connection, _: connections.append(connection))
        is_reading, may_end = Event(), Event()

        def read() -> None:
            with store.read() as session:
                session.execute(text("SELECT 1"))
                is_reading.set()
                may_end.wait(60)

        def close() -> None:
            is_reading.wait(60)
            store.close()
            may_end.set()

        with ThreadPoolExecutor(2) as pool:
            for ended in [pool.submit(read), pool.submit(close)]:
                ended.result(timeout=60)
        assert [connection.closed for connection in connections] == [True]
