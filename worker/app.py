"""The Celery application: a doorbell. The database decides what is worked on, so a bell may be lost."""

from typing import Any

from celery import Celery

from core.settings import Settings
from worker.broker import TRANSPORT

RING = "lethe.ring"  # the only message there is: "this queue has ready work"


def create_celery(settings: Settings) -> Celery:
    """A Celery application on the broker that the settings name."""
    celery = Celery("lethe", set_as_current=False)
    celery.conf.update(
        broker_url=settings.broker,
        task_ignore_result=True,
        task_acks_late=False,  # the lease is the safety net; late ack would only invite redelivery
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        **_transport(settings),
    )
    return celery


def ring(celery: Celery, queue: str) -> None:
    """Ring once for a queue. A lost, late or doubled bell changes nothing but latency.

    It does not expire: that is a time by the sender's clock, and a worker whose clock is ahead of it would
    never hear a bell. A stale one costs a claim that finds nothing.
    """
    celery.send_task(RING, args=[queue], queue=queue, retry=False)


def _transport(settings: Settings) -> dict[str, Any]:
    if settings.broker.startswith("filesystem"):
        folder = settings.var_dir.absolute() / "broker"
        folder.mkdir(parents=True, exist_ok=True)
        folders = {name: str(folder) for name in ("data_folder_in", "data_folder_out", "control_folder")}
        return {
            "broker_transport": TRANSPORT,
            "broker_transport_options": {**folders, "polling_interval": 0.2},
        }
    if settings.broker.startswith("redis"):
        timeouts = {"socket_timeout": 10, "socket_connect_timeout": 5, "health_check_interval": 25}
        return {"broker_transport_options": {**timeouts, "socket_keepalive": True}}
    return {}
