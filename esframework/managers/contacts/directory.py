"""Whom to ask for contacts and members, and what is remembered of the answers.

Whatever a provider does (raise, hang, answer with nonsense), those who ask get a list in time. Knows no frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.interfaces import IAudience, IServerContext
from esframework.managers.contacts.machine import Remembered
from esframework.managers.contacts.options import ContactsOptions
from esframework.managers.contacts.providers import EverybodyContacts, StoredContacts
from esframework.plugins.models import as_deferred
from esframework.plugins.quiet import Quiet
from esframework.wire.identity import LONGEST_NAME
from esframework.wire.types import EVERYBODY

_log = Logger()
MemberSource = Callable[[str], Any]
_NOTHING_REMEMBERED: Final = 1.0
"""Seconds at most for which it is remembered that nobody knows a group: whoever asks for many asks a store for each."""

_ENTRY: Final = 16
"""What an answer without ids takes in memory, in ids: others choose the names that are asked for."""


class _Question(NamedTuple):
    kind: str
    name: str


class _Step(NamedTuple):
    """One who may know, and for how long what it says holds. A manager that does not know says None."""

    ask: Callable[[], Any]
    seconds: float
    may_say_none: bool = False


class Directory:
    """Answers at once what is remembered (a sequence of ids, an IAudience), and else by a Deferred; never None.

    Members are asked of the application's IContacts, then of each source in the order in which they came, until one
    knows some. A source's answers are remembered until `group_changed`.
    """

    def __init__(self, server: IServerContext, options: ContactsOptions) -> None:
        self._server = server
        self._clock = server.clock
        self._quiet = Quiet(server.clock)
        application = server.contacts_provider
        source = options.source or ("everybody" if server.is_open else "stored")
        self.is_everybody = application is None and source == "everybody"
        self.is_stored = application is None and not self.is_everybody
        self._application = application
        self._seconds = limits.STORED_REMEMBER_TIME if application is None else options.remember
        self._remembered: Remembered[Any] = Remembered()
        self._waiting: dict[_Question, list[Deferred[Any]]] = {}
        self._number_waiting = 0
        self._lookups: dict[_Question, Deferred[None]] = {}
        # How many of those who wait had asked before the first change since; the others are to hear of it.
        self._outdated: dict[_Question, int] = {}
        self._sources: list[MemberSource] = []
        self._closing = False
        self._everybody = EverybodyContacts(server.users)
        self._audience_of_all: IAudience = server.router.audience(None)

    # --- questions --------------------------------------------------------------------------------------------------
    def contacts_of(self, user_id: str) -> Sequence[str] | Deferred[Sequence[str]]:
        """The contacts of a user."""
        if self.is_everybody:
            return self._everybody.contacts_of(user_id)
        provider = self._application or StoredContacts(self._server.stores.contacts)
        steps = [_Step(partial(provider.contacts_of, user_id), self._seconds)]
        contacts: Sequence[str] | Deferred[Sequence[str]] = self._ask("contacts", user_id, steps)
        return contacts

    def members_of(self, group_id: str) -> IAudience | Deferred[IAudience]:
        """The members of a group: nobody for one that does not exist; everybody online for `*`."""
        if group_id == EVERYBODY:
            return self._audience_of_all
        if not 0 < len(group_id.encode(errors="replace")) < LONGEST_NAME:
            # No header can say it, so nobody is in it; and whoever asks for many leaves none of them here.
            nobody: IAudience = self._server.router.audience(())
            return nobody
        steps = [_Step(partial(source, group_id), limits.STORED_REMEMBER_TIME, True) for source in self._sources]
        if self._application is not None:
            steps.insert(0, _Step(partial(self._application.members_of, group_id), self._seconds))
        audience: IAudience | Deferred[IAudience] = self._ask("members", group_id, steps)
        return audience

    def remembered_members(self, group_id: str) -> IAudience | None:
        """The members of a group, if nobody need be asked for them."""
        if group_id == EVERYBODY:
            return self._audience_of_all
        return cast("IAudience | None", self._remembered.get(_Question("members", group_id), self._clock.seconds()))

    # --- changes ----------------------------------------------------------------------------------------------------
    def add_source(self, source: MemberSource) -> None:
        """Ask this, too, for the members of groups."""
        self._sources.append(source)

    def contacts_changed(self, user_id: str) -> None:
        """A user's contacts are others now."""
        self._forget(_Question("contacts", user_id))

    def account_deleted(self, user_id: str) -> None:
        """The user is nobody's contact any more. Its own remembered contacts stay, to hear that it has gone."""
        known = self._remembered.get(_Question("contacts", user_id), self._clock.seconds())
        if known is None:
            self._remembered.clear()
        for other in known or ():
            self.contacts_changed(other)

    def group_changed(self, group_id: str) -> None:
        """A group's members are others now."""
        self._forget(_Question("members", group_id))

    def close(self) -> None:
        """Forget all; who still waits for an answer gets an empty one."""
        self._closing = True
        for lookup in list(self._lookups.values()):
            lookup.cancel()
        self._closing = False
        self._remembered.clear()

    def _forget(self, question: _Question) -> None:
        self._remembered.forget(question)
        if question in self._waiting:
            self._outdated.setdefault(question, len(self._waiting[question]))

    # --- asking -----------------------------------------------------------------------------------------------------
    def _ask(self, kind: str, name: str, steps: list[_Step]) -> Any:
        """What is remembered, or what is found at once; else a Deferred. Who asks the same meanwhile asks nobody."""
        question = _Question(kind, name)
        known = self._remembered.get(question, self._clock.seconds())
        if known is not None:
            return known
        mine: Deferred[Any] = Deferred()
        self._number_waiting += 1
        if question in self._waiting:
            self._waiting[question].append(mine)
            return mine
        self._waiting[question] = [mine]
        self._begin(question, steps)
        return mine.result if mine.called else mine

    def _begin(self, question: _Question, steps: list[_Step]) -> None:
        lookup = Deferred.fromCoroutine(self._look_up(question, steps))
        if not lookup.called:
            self._lookups[question] = lookup

    @property
    def is_overloaded(self) -> bool:
        """Whether so many wait for answers that nobody else should begin to."""
        return self._number_waiting >= limits.LOOKUPS_WAITING

    async def _look_up(self, question: _Question, steps: list[_Step]) -> None:
        ids: Sequence[str] = ()
        seconds = min((_NOTHING_REMEMBERED, *(step.seconds for step in steps)))
        for step in steps:
            try:
                answer = step.ask()
                deferred = as_deferred(answer)
                if deferred is not None:
                    answer = await deferred.addTimeout(limits.CONTACTS_ANSWER_TIMEOUT, self._clock)
                found = () if answer is None and step.may_say_none else _checked(answer)
            except Exception:
                # What went wrong now may go right next time.
                seconds = 0.0
                self._complain(question)
                continue
            if found:
                ids, seconds = found, step.seconds
                break
        if question.kind == "contacts" and question.name in ids:
            # Nobody is a contact of himself, whatever a provider says.
            ids = tuple(name for name in ids if name != question.name)
        self._lookups.pop(question, None)
        waiting, before = self._waiting.pop(question), self._outdated.pop(question, None)
        if before is not None:
            seconds = 0.0
            if before < len(waiting) and not self._closing:
                # What was asked for after a change must not be answered from before it.
                self._waiting[question] = waiting[before:]
                waiting = waiting[:before]
                self._begin(question, steps)
        self._answer(question, waiting, ids, seconds)

    def _answer(self, question: _Question, waiting: list[Deferred[Any]], ids: Sequence[str], seconds: float) -> None:
        answer: Any = self._server.router.audience(ids) if question.kind == "members" else ids
        if seconds > 0:
            self._remembered.put(question, answer, len(ids) + _ENTRY, self._clock.seconds() + seconds)
        self._number_waiting -= len(waiting)
        for each in waiting:
            each.callback(answer)

    def _complain(self, question: _Question) -> None:
        if self._closing:
            return
        passed_over = self._quiet.admits(question.kind)
        if passed_over is not None:
            _log.failure(
                "nobody could say what the {kind} of {name!r} are, so there are none "
                "({passed_over} more such questions since the last entry)",
                kind=question.kind,
                name=question.name,
                passed_over=passed_over,
            )


def _checked(answer: Any) -> tuple[str, ...]:
    """The ids, each once; raises TypeError for what is none."""
    if answer is None or isinstance(answer, (str, bytes)):
        raise TypeError(f"an IContacts answered {answer!r}; a list of user ids was expected")
    ids = tuple(dict.fromkeys(answer))
    for user_id in ids:
        if not isinstance(user_id, str):
            raise TypeError(f"an IContacts answered with {user_id!r} in its list; a user id was expected")
    return ids
