"""The embedded broker under load: no message is lost, torn or taken twice."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from kombu import Connection

from worker.broker import TRANSPORT

NUM_WRITERS, NUM_MESSAGES = 3, 200
WRITER = """
import sys
from kombu import Connection
from worker.broker import TRANSPORT
folder, writer, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
options = dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), folder)
with Connection(transport=TRANSPORT, transport_options=options) as connection:
    queue = connection.SimpleQueue("gpu")
    for number in range(count):
        queue.put(f"{writer}-{number}")
"""


def open_queue(folder: Path):
    options = dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), str(folder))
    connection = Connection(transport=TRANSPORT, transport_options={**options, "polling_interval": 0.01})
    return connection, connection.SimpleQueue("gpu")


def test_every_message_arrives_once_while_others_write(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(writer), str(NUM_MESSAGES)])
        for writer in range(NUM_WRITERS)
    ]
    connection, queue = open_queue(tmp_path)
    received: Counter[str] = Counter()
    for _ in range(NUM_WRITERS * NUM_MESSAGES):
        message = queue.get(timeout=30)
        message.ack()
        received[message.payload] += 1
    assert [writer.wait() for writer in writers] == [0] * NUM_WRITERS
    assert len(received) == NUM_WRITERS * NUM_MESSAGES
    assert set(received.values()) == {1}
    assert list(tmp_path.iterdir()) == []
    connection.release()


def test_a_torn_file_is_set_aside(tmp_path):
    connection, queue = open_queue(tmp_path)
    (tmp_path / "00000_torn.gpu.msg").write_text('{"body": "half')
    queue.put("whole")

    assert queue.get(timeout=5).payload == "whole"
    assert [path.suffix for path in tmp_path.iterdir()] == [".bad"]
    connection.release()
