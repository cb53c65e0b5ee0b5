"""Everything that this end sends: offers go out, and what receivers say finds its transmission. What becomes of one is
`sending`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred

from esframework import limits
from esframework.errors import EncodeError
from esframework.filesystem.reading import Survey, TreeReader
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IContext
from esframework.managers.files.contracts import CANCEL, GRANT, PROJECT
from esframework.managers.files.facts import (
    Facts,
    decode_answer,
    decode_answer_details,
    encode_begin,
    encode_details,
    facts_of,
)
from esframework.managers.files.machine.pace import Line, Pace
from esframework.managers.files.machine.sending import SendingMachine
from esframework.managers.files.options import SendingParameters
from esframework.managers.files.reports import Reports
from esframework.managers.files.sending import Transmission
from esframework.managers.files.this_end import ThisEnd
from esframework.managers.files.transfer import Transfer
from esframework.managers.files.ways import Route, Way
from esframework.wire.login_id import bare_id
from esframework.wire.types import MessageType


async def _survey(worker: FileWorker, reader: TreeReader) -> Survey:
    """What is to be sent; a thread that looks at a large tree stops when nobody waits for it any more."""
    is_wanted = True
    try:
        return await worker.run(lambda: reader.survey(lambda: not is_wanted))
    finally:
        is_wanted = False


class Outgoing:
    """The transmissions of one engine that are not over."""

    def __init__(self, context: IContext, end: ThisEnd, reports: Reports) -> None:
        self._context = context
        self._end = end
        self._reports = reports
        self._open: dict[str, Transmission] = {}

    def all(self) -> list[Transmission]:
        """Those that are not over."""
        return list(self._open.values())

    def find(self, sender: Any, project_id: str) -> Transmission | None:
        """The one that whoever sent a frame may speak of: nobody does for another."""
        transmission = self._open.get(project_id)
        if transmission is None or not transmission.comes_from(sender):
            return None
        transmission.heard_from(sender)
        return transmission

    # --- offers -------------------------------------------------------------------------------------------------------
    def send(
        self,
        target: str | None,
        path: str | os.PathLike[str],
        comment: str | None,
        parameters: SendingParameters | None,
        follow_links: bool,
        name: str | None,
        subject: str,
        beneath: Path | None,
    ) -> Deferred[Transfer]:
        """See `Files.send`."""
        if comment is not None and len(comment.encode()) > limits.MAX_FILE_TEXT:
            raise EncodeError(f"the comment has {len(comment.encode())} bytes; at most {limits.MAX_FILE_TEXT}")
        chosen = parameters or SendingParameters()
        self._end.ways(target, chosen.channel)
        reader = TreeReader(path, follow_links=follow_links, beneath=beneath)
        return Deferred.fromCoroutine(self._send(target, reader, comment, chosen, name, subject))

    async def _send(
        self,
        target: str | None,
        reader: TreeReader,
        comment: str | None,
        parameters: SendingParameters,
        name: str | None,
        subject: str,
    ) -> Transfer:
        worker = FileWorker(self._context.clock)
        survey = await _survey(worker, reader)
        facts = facts_of(reader.path, survey, name, comment, subject)
        transmission = self._transmission(target, facts, reader, worker, parameters)
        transfer = transmission.transfer
        transfer.path = reader.path
        route = Route(self._end.ways(target, parameters.channel), parameters.channel)
        is_bound = route.only_by is not None
        self._open[transfer.id] = transmission
        transmission.offer(route, lambda way, number: self._offer(way, number, facts, transfer.id, is_bound))
        return transfer

    def _transmission(
        self, target: str | None, facts: Facts, reader: TreeReader, worker: FileWorker, parameters: SendingParameters
    ) -> Transmission:
        context, options = self._context, self._context.options
        transfer = Transfer(
            str(uuid4()),
            facts,
            is_sending=True,
            sender=self._end.name(),
            receiver=None if target is None else bare_id(target),
            cancel=lambda cause: transmission.cancel(cause),
            clock=context.clock,
            path_kind=lambda: self._path_kind(transmission),
            parameters=parameters,
        )
        rate_limit = parameters.rate_limit or options.files.rate_limit
        most = min(limits.MOST_FILE_PACKAGE, options.max_message - limits.FILE_PACKAGE_OVERHEAD)
        if parameters.package_size is not None:
            most = options.max_message - limits.FILE_PACKAGE_OVERHEAD
        transmission = Transmission(
            context,
            self._end,
            self._reports,
            transfer,
            reader,
            worker,
            SendingMachine(context.clock.seconds(), options.files.silence, limits.FILE_ALIVE_INTERVAL),
            Pace(parameters.package_size, parameters.interval, rate_limit, most),
            lambda: self._over(transfer),
        )
        return transmission

    def _over(self, transfer: Transfer) -> None:
        self._open.pop(transfer.id, None)

    def _path_kind(self, transmission: Transmission) -> str:
        if transmission.route is not None and transmission.route.is_fixed:
            return "server"
        return self._end.path_to(transmission.machine.receiver or transmission.transfer.receiver)

    def _offer(self, way: Way, number: int, facts: Facts, transfer_id: str, is_bound: bool) -> None:
        if way.may_be_ours:
            way.send(MessageType.FILE_DETAILS, encode_details(facts, transfer_id, is_bound), number)
        begin = encode_begin(facts, transfer_id, way.generation, self._end.client_type())
        way.send(MessageType.BEGIN_FILE, begin, number)

    # --- what receivers say -------------------------------------------------------------------------------------------
    def handlers(self) -> dict[int, Callable[[Any, int, Any], None]]:
        """Message type to method, for the registrations."""
        return {
            MessageType.FILE_ANSWER_DETAILS: self._answer_details_came,
            MessageType.ANSWER_FILE: self._answer_came,
            MessageType.FILE_GRANTED: self._grant_came,
            MessageType.FILE_OF_FOLDER_RECEIVED: self._file_is_in,
            MessageType.FILE_KEPT: self._kept,
            MessageType.RECEIVER_CANCELS_FILE: self._receiver_cancels,
        }

    def _answer_details_came(self, sender: Any, message_id: int, body: bytes) -> None:
        details = decode_answer_details(body)
        transmission = self.find(sender, details.project_id)
        if transmission is not None:
            transmission.answer_details(sender, details)

    def _answer_came(self, sender: Any, message_id: int, body: bytes) -> None:
        answer = decode_answer(body, self._end.generation_of(sender))
        transmission = self.find(sender, answer.project_id or "")
        if transmission is not None:
            transmission.pace.line = self._line(sender.lane)
            transmission.answered(sender, answer)

    def _line(self, lane: Any) -> Line:
        """The one of those who send by it already."""
        return next((each.pace.line for each in self._open.values() if each.lane is lane), Line())

    def _grant_came(self, sender: Any, message_id: int, body: bytes) -> None:
        grant = GRANT.decode(body)
        transmission = self.find(sender, grant.project_id)
        if transmission is not None:
            transmission.granted(grant.granted)

    def _file_is_in(self, sender: Any, message_id: int, body: bytes) -> None:
        transmission = self.find(sender, PROJECT.decode(body).project_id)
        if transmission is not None:
            transmission.file_is_in()

    def _kept(self, sender: Any, message_id: int, body: bytes) -> None:
        transmission = self.find(sender, PROJECT.decode(body).project_id)
        if transmission is not None:
            transmission.kept()

    def _receiver_cancels(self, sender: Any, message_id: int, body: bytes) -> None:
        cancel = CANCEL.decode(body)
        transmission = self.find(sender, cancel.project_id)
        if transmission is not None:
            transmission.cancelled(cancel)
