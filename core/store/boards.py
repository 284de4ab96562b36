"""The board of a protocol, out of the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from core.board import Attacks, Board, Method, Metric, build_board
from core.catalog.protocols import Protocol
from core.cohort import Cohort
from core.errors import NotFound
from core.seed_values import SeedValue, summarise
from core.spec.setting import Setting, SettingId
from core.store.attacks import attack_figures
from core.store.results import indiscernibility_floors, seed_values, settings_of
from core.store.viewers import EVERYTHING, Viewer


@dataclass(frozen=True)
class BoardData:
    """What a board is built from: the settings that were asked for, each model's value in them, what attacks
    on single samples found of the methods, and by setting what chance alone makes of an indiscernibility.
    """

    protocol: Protocol
    metric: Metric
    settings: tuple[Setting, ...]
    values: tuple[SeedValue, ...]
    attacks: Attacks = field(default_factory=dict)
    floors: Mapping[SettingId, float] = field(default_factory=dict)

    def board(self, cohort: Cohort = Cohort.REFERENCE) -> Board:
        """The board over all of the protocol's model seeds."""
        board = build_board(
            self.protocol.id,
            self.metric,
            self.settings,
            summarise(self.values),
            required_seeds=len(self.protocol.model_seeds),
            cohort=cohort,
        )
        floors = self.floors if self.metric is Metric.INDISCERNIBILITY else {}
        return replace(board, attacks=self.attacks, floors=floors)


def load_board_data(
    session: Session,
    protocol: Protocol,
    metric: Metric,
    *,
    dataset: str | None = None,
    model: str | None = None,
    setting_id: str | None = None,
    viewer: Viewer = EVERYTHING,
) -> BoardData:
    """What the board over the settings asked for is built from, of the results that the viewer sees.

    Without `setting_id` these are the protocol's own, with the default forget rule and the protocol's
    precision and run seed, so that somebody's special setting does not make everyone else's row incomplete.

    Raises:
        NotFound: `setting_id` has no results under this protocol.
    """
    settings = [setting for setting, _ in settings_of(session, protocol.id, viewer)]
    if setting_id is not None:
        settings = [setting for setting in settings if setting.id == setting_id]
        if not settings:
            raise NotFound("setting with results", setting_id)
    else:
        settings = [setting for setting in settings if setting.is_standard(protocol)]
    settings = [
        setting
        for setting in settings
        if dataset in (None, setting.dataset) and model in (None, setting.model)
    ]
    values = seed_values(session, settings, metric, protocol, viewer)
    return BoardData(
        protocol,
        metric,
        tuple(settings),
        tuple(values),
        attacks_beside_board(session, settings, protocol, viewer),
        indiscernibility_floors(session, settings, protocol, viewer),
    )


def attacks_beside_board(
    session: Session, settings: Sequence[Setting], protocol: Protocol, viewer: Viewer = EVERYTHING
) -> Attacks:
    """What attacks that the viewer sees found of the methods as the protocol ranks them."""
    found = attack_figures(session, {setting.id for setting in settings}, viewer=viewer)
    return {
        (SettingId(place.setting_id), Method(place.subject, place.variant)): figures
        for place, figures in found.items()
        if place.tuning in (None, protocol.ranked_tuning)
    }


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
    """The board over the settings that were asked for; see `load_board_data`."""
    data = load_board_data(
        session, protocol, metric, dataset=dataset, model=model, setting_id=setting_id, viewer=viewer
    )
    return data.board(cohort)
