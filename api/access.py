"""Who calls, and what they may: `Authorization: Bearer lethe_…`; reading what is public needs no key.

A service on a loopback address that has no key yet is its user's own: everything is allowed there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.dependencies import SettingsDep, StoreDep
from core.errors import Forbidden, KeyRefused
from core.store import keys
from core.store.jobs import LOCAL, JobRecord
from core.store.keys import Scope
from core.store.viewers import Viewer

bearer = HTTPBearer(auto_error=False, description="A key: `lethe_…`, from `lethe keys create`.")


@dataclass(frozen=True)
class Caller:
    """Who sent the request; `owner` is None for a stranger, `key_id` for everybody without a key."""

    owner: str | None
    scopes: frozenset[Scope]
    key_id: str | None = None

    @property
    def viewer(self) -> Viewer:
        """What they see."""
        return Viewer(self.owner, sees_all=Scope.ADMIN in self.scopes)

    def require_control(self, job: JobRecord) -> None:
        """Check that they may steer the job.

        Raises:
            Forbidden: it is another owner's.
        """
        self.require_ownership(f"Job {job.id}", job.owner)

    def require_ownership(self, what: str, owner: str) -> None:
        """Check that a thing is theirs, or that they administer everybody's.

        Raises:
            Forbidden: it is another owner's.
        """
        if owner != self.owner and Scope.ADMIN not in self.scopes:
            raise Forbidden(f"{what} belongs to {owner}; only they and administrators may do that.")


def _caller(
    request: Request,
    store: StoreDep,
    settings: SettingsDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    if credentials is None:
        if "authorization" in request.headers:
            raise KeyRefused("The Authorization header must read `Bearer lethe_…`.")
        return _without_key(request, store, settings)
    with store.read() as session:
        key = keys.authenticate(session, credentials.credentials)
        is_due = keys.is_use_due(session, key)
    if is_due:
        with store.write() as session:
            keys.note_use(session, key.id)
    return Caller(key.owner, key.scopes, key.id)


def _without_key(request: Request, store: StoreDep, settings: SettingsDep) -> Caller:
    with store.read() as session:
        is_own = keys.is_loopback(settings.host) and not keys.has_keys(session)
    # A page of another site that its user's browser shows reaches loopback too, but may not act for the user.
    if is_own and request.headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return Caller(LOCAL, frozenset(Scope))
    return Caller(None, frozenset({Scope.READ}))


def _requiring(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    async def require(caller: CallerDep) -> Caller:
        if scope in caller.scopes:
            return caller
        if caller.owner is None:
            raise KeyRefused(
                f"This needs a key with the scope {scope}: send `Authorization: Bearer lethe_…`."
            )
        raise Forbidden(f"This needs a key with the scope {scope}; this one may {', '.join(caller.scopes)}.")

    return require


CallerDep = Annotated[Caller, Depends(_caller)]


async def _known(caller: CallerDep) -> Caller:
    if caller.owner is None:
        raise KeyRefused("This needs a key, of any scope: send `Authorization: Bearer lethe_…`.")
    return caller


KnownDep = Annotated[Caller, Depends(_known)]
SubmitterDep = Annotated[Caller, Depends(_requiring(Scope.SUBMIT))]
AdminDep = Annotated[Caller, Depends(_requiring(Scope.ADMIN))]
