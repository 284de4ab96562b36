"""Which board a request asks for: the query parameters that all of the leaderboard's endpoints share."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from api.caching import Content, KeptAnswers
from api.dependencies import CatalogueDep, KeptAnswersDep
from core.board import Metric
from core.catalog.protocols import Protocol
from core.catalog.registry import Catalogue, closest
from core.cohort import Cohort
from core.errors import SpecInvalid, SpecProblem
from core.store.boards import BoardData, load_board_data
from core.store.results import versions_of
from core.store.session import Store
from core.store.viewers import THE_PUBLIC

DEFAULT_PROTOCOL = "quick/1.0"
ProtocolQuery = Annotated[str, Query(description="Boards never mix protocols.")]
CohortQuery = Annotated[
    Cohort,
    Query(
        description="Whose results fix the cut points between groups: the eighteen reference unlearners, so "
        "that no newcomer moves anybody, or all; then `moved` says which rows differ for it."
    ),
]


@dataclass(frozen=True)
class BoardRequest:
    """The settings of a protocol's board that a request asks for, and the answers that are kept."""

    kept: KeptAnswers
    protocol: Protocol
    dataset: str | None
    model: str | None
    setting: str | None

    def answer(self, store: Store, what: Hashable, make: Callable[[], bytes]) -> Content:
        """What `make` makes of these settings, kept until a result of the protocol changes.

        Args:
            store: where the results are.
            what: which answer about the settings it is, with all of its options.
            make: must depend on nothing else.
        """
        with store.read() as session:
            versions = versions_of(session, self.protocol.id)
        asked = (self.protocol.id, self.dataset, self.model, self.setting)
        return self.kept.get((what, asked, versions), make)

    def load(self, store: Store, *metrics: Metric) -> tuple[BoardData, ...]:
        """What the public sees of the board by each metric, at one moment.

        Raises:
            NotFound: the setting asked for has no results under the protocol.
        """
        with store.read() as session:
            return tuple(
                load_board_data(
                    session,
                    self.protocol,
                    metric,
                    dataset=self.dataset,
                    model=self.model,
                    setting_id=self.setting,
                    viewer=THE_PUBLIC,
                )
                for metric in metrics
            )


async def _board_request(
    catalogue: CatalogueDep,
    kept: KeptAnswersDep,
    protocol: ProtocolQuery = DEFAULT_PROTOCOL,
    dataset: str | None = None,
    model: str | None = None,
    setting: Annotated[str | None, Query(description="One setting, by id, standard or not.")] = None,
) -> BoardRequest:
    rules = protocol_named(protocol, catalogue)
    require_known("dataset", dataset, catalogue.datasets)
    require_known("model", model, catalogue.models)
    return BoardRequest(kept, rules, dataset, model, setting)


BoardRequestDep = Annotated[BoardRequest, Depends(_board_request)]


def protocol_named(name: str, catalogue: Catalogue) -> Protocol:
    """The protocol.

    Raises:
        SpecInvalid: there is none of this name.
    """
    require_known("protocol", name, catalogue.protocols)
    return catalogue.protocols[name]


def require_known(parameter: str, name: str | None, known: Iterable[str]) -> None:
    """Refuse a query parameter that names nothing.

    Raises:
        SpecInvalid: `name` is given, but not among `known`.
    """
    if name is not None and name not in known:
        detail = f"There is no {parameter} {name!r}; there are {', '.join(sorted(known))}."
        raise SpecInvalid(
            [SpecProblem(f"#/query/{parameter}", f"unknown_{parameter}", detail, closest(name, known))]
        )
