"""The job spec, as submitted: the one document that the API, the command line and the page's form share."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
)

from core.catalog.protocols import Precision
from core.catalog.registry import closest
from core.errors import SpecInvalid, SpecProblem
from core.spec.forget import RULES, SET_RULES, ForgetRequest, RandomForget, Seed, SeedOrModels

# Numbers are strict: the text "3" is not the number 3.
HyperparameterValue: TypeAlias = StrictBool | StrictInt | StrictFloat | str

TuningTarget: TypeAlias = Literal["retrained", "original"]
OutModels: TypeAlias = Literal["same_method", "retrain"]
SelectionRule: TypeAlias = Literal["best_trial", "rescored"]
Originals: TypeAlias = Literal["per_forget_set", "per_split"]

ALL = "all"  # as the only unlearner: every unlearner in the catalogue


class SpecModel(BaseModel):
    """Base of the spec's parts: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SettingRequest(SpecModel):
    """One cell of the board: what is trained, on what, and what is to be forgotten."""

    dataset: str
    model: str
    forget: ForgetRequest = RandomForget()
    precision: Annotated[Precision | None, Field(description="The protocol's, where it is left out.")] = None
    run_seed: Annotated[
        SeedOrModels | None,
        Field(
            description="Seeds every training and unlearning run: the protocol's number where it is left "
            "out; `model_seed` for another order of batches and other noise for each model."
        ),
    ] = None


class UnlearnerRequest(SpecModel):
    """An unlearner, with any of its hyperparameters; the others keep the protocol's defaults."""

    id: str
    hyperparameters: dict[str, HyperparameterValue] = {}


class SettingName(SpecModel):
    """Which of a job's settings: all of this dataset and model."""

    dataset: str
    model: str


class AttackRequest(SpecModel):
    """An attack. U-MIA belongs to every result's record and runs whether or not it is listed.

    The other fields are for attacks on single samples, as U-LiRA, which rest on many models (protocol §8).
    """

    id: str
    settings: Annotated[
        tuple[SettingName, ...] | None,
        Field(min_length=1, description="Which of the job's settings it runs beside; all if left out."),
    ] = None
    unlearners: Annotated[
        tuple[str, ...] | None,
        Field(min_length=1, description="Which of the job's unlearners it attacks; all if left out."),
    ] = None
    splits: Annotated[
        StrictInt | None, Field(ge=1, le=256, description="Halves of the training data; 64 if left out.")
    ] = None
    forget_sets: Annotated[
        StrictInt | None, Field(ge=1, le=100, description="Forget sets of each split; 10 if left out.")
    ] = None
    out: Annotated[
        OutModels | None,
        Field(
            description="Whose models never saw a sample: those of the same method (the default), or "
            "retrained ones (protocol §8.3)."
        ),
    ] = None
    originals: Annotated[
        Originals | None,
        Field(
            description="One original per forget set (the default), or one per split, as all of a split "
            "train on the same samples (protocol §8, Notes)."
        ),
    ] = None
    search_splits: Annotated[
        StrictInt | None,
        Field(ge=1, le=256, description="Where the job has a sweep: splits searched on; 32 if left out."),
    ] = None
    trials: Annotated[
        StrictInt | None,
        Field(ge=1, le=1000, description="Completed trials of each search; the sweep's if left out."),
    ] = None
    selection: Annotated[
        SelectionRule | None,
        Field(
            description="Which hyperparameters all models get: those of the best trial of all searches (the "
            "default, as in the paper), which rewards a lucky split, or of each search's winner, "
            "`rescored` on the other splits searched on, that of the best mean (protocol §8, Notes)."
        ),
    ] = None


class SweepRequest(SpecModel):
    """A search for hyperparameters before the final runs; what an unlearner's request gives stays."""

    seeds: Annotated[
        tuple[Seed, ...], Field(min_length=1, max_length=20, description="Model seeds, one sweep each.")
    ] = (0, 1, 2)
    trials: Annotated[StrictInt, Field(ge=1, le=1000, description="Completed trials of each sweep.")] = 100
    target: Annotated[
        TuningTarget,
        Field(
            description="Whose accuracies are aimed at: the retrained model's, as in the paper, or the "
            "original's, which a practitioner has (protocol §6, Notes)."
        ),
    ] = "retrained"

    def in_order(self) -> Self:
        """With ascending seeds: they are a set, of which the best trial wins, whatever their order."""
        return self.model_copy(update={"seeds": tuple(sorted(self.seeds))})


def _ids_to_requests(value: object) -> object:
    """Let `"all"` and bare ids stand for full requests."""
    if value == ALL:
        return [{"id": ALL}]
    if isinstance(value, list):
        return [{"id": item} if isinstance(item, str) else item for item in value]
    return value


class JobSpec(SpecModel):
    """What a user submits."""

    protocol: str = "quick/1.0"
    label: Annotated[
        str,
        Field(
            max_length=200, pattern=r"^[^\x00]*$", description="For people; not part of the job's identity."
        ),
    ] = ""
    visibility: Annotated[
        Literal["public", "private"],
        Field(
            description="Who sees the job and its results: everyone, or its owner. Not part of its identity."
        ),
    ] = "public"
    priority: Annotated[
        StrictInt,
        Field(
            ge=-10,
            le=10,
            description="Higher comes first; above 0 for administrators. Not part of its identity.",
        ),
    ] = 0
    settings: Annotated[tuple[SettingRequest, ...], Field(min_length=1, max_length=100)]
    unlearners: Annotated[
        tuple[UnlearnerRequest, ...],
        BeforeValidator(
            _ids_to_requests, json_schema_input_type=Literal["all"] | list[str | UnlearnerRequest]
        ),
        Field(min_length=1, max_length=200, description='Ids, ids with hyperparameters, or "all".'),
    ]
    model_seeds: Annotated[
        tuple[Seed, ...] | None,
        Field(min_length=1, max_length=100, description="The protocol's, where they are left out."),
    ] = None
    sweep: Annotated[
        SweepRequest | None, Field(description="Without it, given or default hyperparameters are used.")
    ] = None
    attacks: Annotated[tuple[AttackRequest, ...], BeforeValidator(_ids_to_requests)] = (
        AttackRequest(id="u_mia"),
    )


def parse_job_spec(document: bytes | str) -> JobSpec:
    """The job spec in a JSON document; ids are checked later, by `resolve`.

    Raises:
        SpecInvalid: not JSON, an unknown or missing field, or a value of the wrong type or out of bounds;
            every problem is listed, with a pointer.
    """
    try:
        return JobSpec.model_validate_json(document)
    except ValidationError as error:
        raise SpecInvalid(problems(error)) from error


def problems(error: ValidationError, prefix: str = "#") -> list[SpecProblem]:
    """A pydantic error as pointers with suggestions; `prefix` points at the validated document."""
    found = [_problem(details, prefix, error.title) for details in error.errors()]
    # A bad item also makes its list "too short"; the item's own problem says it better.
    inner = [problem.pointer for problem in found if not problem.code.startswith("too_")]
    return [
        p for p in found if not (p.code == "too_short" and any(i.startswith(f"{p.pointer}/") for i in inner))
    ]


def pointer(*path: str | int, prefix: str = "#") -> str:
    """An RFC 6901 pointer in its URI-fragment form."""
    return "".join([prefix, *(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)])


def _problem(details: Any, prefix: str, title: str) -> SpecProblem:  # noqa: ANN401 - pydantic's TypedDict
    path = _without_tags(details["loc"])
    suggestion = None
    if details["type"] == "extra_forbidden":
        detail = f"There is no field {path[-1]!r} here."
        suggestion = closest(str(path[-1]), _known_fields(details["loc"], title))
    elif details["type"] == "missing":
        detail = f"The field {path[-1]!r} is required."
    elif details["type"] == "union_tag_invalid":  # only forget rules are told apart by a name
        rule = details["ctx"]["tag"]
        known = SET_RULES if "steps" in path else RULES
        detail = f"There is no forget rule {rule!r} here; there are {', '.join(sorted(known))}."
        where = pointer(*path, "rule", prefix=prefix)
        return SpecProblem(where, "unknown_forget_rule", detail, closest(rule, known))
    else:
        detail = f"{details['msg']}; got {details['input']!r:.100}."
    return SpecProblem(pointer(*path, prefix=prefix), details["type"], detail, suggestion)


def _without_tags(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path in the document: pydantic names the forget rule that it took behind the field, or behind the
    number of the step.
    """
    return tuple(step for index, step in enumerate(path) if not _is_rule(path, index))


def _is_rule(path: tuple[str | int, ...], index: int) -> bool:
    behind_field = path[max(0, index - 1) : index] == ("forget",)
    behind_step = path[max(0, index - 2) : index - 1] == ("steps",)
    return (behind_field or behind_step) and path[index] in RULES


def _known_fields(path: tuple[str | int, ...], title: str) -> list[str]:
    """The field names of the innermost spec model that the path, with its rules, runs through."""
    models: dict[str, type[BaseModel]] = {
        "settings": SettingRequest,
        "unlearners": UnlearnerRequest,
        "sweep": SweepRequest,
        "attacks": AttackRequest,
    }
    model: type[BaseModel] | None = None
    for index, step in enumerate(path[:-1]):
        if isinstance(step, str):
            model = RULES[step] if _is_rule(path, index) else models.get(step, model)
    if model is None:
        return list(JobSpec.model_fields) if title == "JobSpec" else []
    return list(model.model_fields)
