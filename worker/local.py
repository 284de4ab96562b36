"""Run a job here, with no service: the same plan, store, claim, runner and publish as in the fleet."""

import json
from pathlib import Path

from rich.console import Console

from core.board import Metric
from core.catalog.protocols import PROTOCOLS
from core.catalog.registry import installed
from core.errors import DatasetMissing, SpecInvalid, SpecProblem
from core.export import board_document, render
from core.plan import plan
from core.settings import Settings
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import jobs, results, units
from core.store.boards import load_board
from core.store.jobs import JobId
from core.store.session import Store
from core.store.states import FINAL_JOB, JobState
from core.store.units import Lease
from core.terminal import JobProgress, board_table
from worker.runner import Progressed
from worker.work import Worker
