"""One instance at a peer, one question about it, and the answer on the screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Self, TypeAlias

import trio
from attrs import frozen
from cyclopts import Group, Parameter
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom import (
    Association,
    EncodedDataSet,
    NegotiatedContext,
    PDUError,
    PresentationContext,
    Response,
    TrioDicomError,
)
from trio_dicom.cli.data_sets import lines_of
from trio_dicom.cli.dicom_json import json_model
from trio_dicom.cli.exits import ExitCode
from trio_dicom.cli.options import OutputOptions, PeerOptions
from trio_dicom.cli.output import Output
from trio_dicom.cli.target import Target
from trio_dicom.cli.uids import parse_uid
from trio_dicom.cli.words import words_of
from trio_dicom.sop_classes import (
    BASIC_COLOR_PRINT,
    BASIC_GRAYSCALE_PRINT,
    UPS_CLASSES,
    UPS_PUSH,
)

__all__ = ["INSTANCE_OPTIONS", "Instance", "InstanceOptions"]

_REACHING: Final = Group("Reaching the instance", sort_key=1)
_OF_PRINT: Final = "1.2.840.10008.5.1.1."

_Ask: TypeAlias = Callable[[Association, NegotiatedContext | None], Awaitable[Response]]


@Parameter(name="*")
@frozen(kw_only=True)
class InstanceOptions:
    """How an instance is reached.

    Attributes:
        context: The SOP class to negotiate in the place of that of the instance. Print and UPS
            need none: their meta and sister classes are known.
    """

    context: Annotated[str | None, Parameter(group=_REACHING)] = None


INSTANCE_OPTIONS: Final = InstanceOptions()


@frozen(kw_only=True)
class Instance:
    """An instance at a peer.

    Attributes:
        sop_class_uid: What it is an instance of.
        sop_instance_uid: Which one; None where the peer chooses that.
        negotiated_uid: The SOP class to negotiate; None for its own.
        target: The peer.
        output: Where to print.
    """

    sop_class_uid: UID
    sop_instance_uid: UID | None
    negotiated_uid: UID | None
    target: Target
    output: Output

    @classmethod
    def of(
        cls,
        peer: str,
        sop_class_uid: UID,
        sop_instance_uid: UID | None,
        options: InstanceOptions,
        at: PeerOptions,
        out: OutputOptions,
    ) -> Self:
        """What the command line says.

        Raises:
            UsageError: It makes no sense.
        """
        context = options.context
        return cls(
            target=Target.of(peer, at),
            output=Output(out),
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            negotiated_uid=None if context is None else parse_uid("--context", context),
        )

    async def ask(self, ask: _Ask) -> ExitCode:
        """Associate, ask, and print the answer.

        Args:
            ask: Sends the request, on the context if there is one to be used.
        """
        await trio.lowlevel.checkpoint()
        with self.output.logging():
            async with self.target.associate(
                self._contexts(), instrument=self.output.instrument
            ) as association:
                try:
                    response = await ask(association, self._chosen(association))
                except TrioDicomError as error:
                    self._report_error(error)
                    return ExitCode.SOME_FAILED
                return self._report(response)

    def _contexts(self) -> list[PresentationContext]:
        if self.negotiated_uid is not None:
            return [PresentationContext(self.negotiated_uid)]
        contexts = [PresentationContext(self.sop_class_uid)]
        if self.sop_class_uid.startswith(_OF_PRINT):
            contexts += [BASIC_GRAYSCALE_PRINT, BASIC_COLOR_PRINT]
        if self.sop_class_uid == UPS_PUSH.abstract_syntax:
            contexts += UPS_CLASSES
        return contexts

    def _chosen(self, association: Association) -> NegotiatedContext | None:
        if self.negotiated_uid is None:
            return None
        accepted = association.negotiated.accepted_contexts
        # Without an accepted one, the request says best why it cannot be sent.
        return accepted[0] if accepted else None

    def _report(self, response: Response) -> ExitCode:
        status = response.status
        is_good = status.is_success or status.is_warning
        problem = response.error_comment
        data_set: Dataset | None = None
        try:
            data_set = _decoded(response)
        except PDUError as error:
            is_good, problem = False, f"the data set of the answer cannot be read: {error}"
        sop_instance_uid = getattr(response, "sop_instance_uid", None) or self.sop_instance_uid
        self.output.record(
            peer=str(self.target.peer),
            operation=response.operation,
            status=status.code,
            kind=status.kind.value,
            meaning=status.meaning or None,
            error=problem,
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            data_set=None if data_set is None else json_model(data_set),
        )
        verdict = ("ok", "green") if is_good else ("failed", "bold red")
        comment = f": {problem}" if problem else ""
        self.output.line(verdict, f"  {response.operation} {sop_instance_uid}: {status}{comment}")
        if data_set is not None:
            for line in lines_of(data_set, indent="  "):
                self.output.line(line)
        return ExitCode.OK if is_good else ExitCode.SOME_FAILED

    def _report_error(self, error: TrioDicomError) -> None:
        self.output.record(
            peer=str(self.target.peer),
            operation=None,
            status=None,
            kind="error",
            meaning=None,
            error=words_of(error),
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=self.sop_instance_uid,
            data_set=None,
        )
        self.output.line(("failed", "bold red"), f"  {self.target.peer}: {words_of(error)}")


def _decoded(response: Response) -> Dataset | None:
    data_set = response.data_set
    if isinstance(data_set, EncodedDataSet):
        return data_set.decode()
    return data_set if isinstance(data_set, Dataset) else None
