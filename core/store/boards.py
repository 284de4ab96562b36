"""The board of a protocol, out of the store."""

from sqlalchemy.orm import Session

from core.board import Board, Metric, build_board
from core.catalog.protocols import Protocol
from core.cohort import Cohort
from core.errors import NotFound
from core.spec.job import RandomForget
from core.spec.units import Setting
from core.store.results import settings_of, summaries
from core.store.viewers import EVERYTHING, Viewer


def load_board(
    session: Session,
    protocol: Protocol,
    metric: Metric,
    *,
    dataset: str | None = None,
    model: str | None = None,
    setting_id: str | None = None,
    cohort: Cohort = Cohort.REFERENCE,
    viewer: Viewer = EVERYTHING,
) -> Board:
    """The board over the settings that were asked for, of the results that the viewer sees.

    Without `setting_id` these are the protocol's own: the default forget rule and the protocol's precision,
    so that somebody's special setting does not make everyone else's row incomplete.

    Raises:
        NotFound: `setting_id` has no results under this protocol.
    """
    settings = [setting for setting, _ in settings_of(session, protocol.id, viewer)]
    if setting_id is not None:
        settings = [setting for setting in settings if setting.id == setting_id]
        if not settings:
            raise NotFound("setting with results", setting_id)
    else:
        settings = [setting for setting in settings if is_standard(setting, protocol)]
    settings = [
        setting
        for setting in settings
        if dataset in (None, setting.dataset) and model in (None, setting.model)
    ]
    found = summaries(session, settings, metric, protocol, viewer)
    return build_board(
        protocol.id, metric, settings, found, required_seeds=len(protocol.model_seeds), cohort=cohort
    )


def is_standard(setting: Setting, protocol: Protocol) -> bool:
    """Whether the protocol's own board shows the setting: its default forget rule and precision."""
    return setting.forget == RandomForget() and setting.precision == protocol.precision
