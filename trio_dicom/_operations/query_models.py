"""The information models that C-FIND, C-GET and C-MOVE ask, and which of them a query means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Final, TypeAlias

from attrs import frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom import sop_classes
from trio_dicom._dimse.command_set import as_uid
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom._protocol.extended import QueryExtension
from trio_dicom._wire.user_items import ExtendedNegotiation
from trio_dicom.errors import LocalProtocolError, NoAcceptedContext

__all__ = ["FIND", "GET", "MOVE", "Model", "Models", "extension_items"]

Model: TypeAlias = PresentationContext | str
"""An information model as callers name it: a constant of ``sop_classes``, or a UID."""


def _uids(*contexts: PresentationContext) -> frozenset[UID]:
    return frozenset(context.abstract_syntax for context in contexts)


@frozen(kw_only=True)
class Models:
    """The information models of one operation.

    Attributes:
        words: What is asked, for errors.
        patient_root: The one that has patients.
        study_root: The one that is asked where nothing else is said.
        instance_root: The one that has frames (PS3.4 Y.6.1), if there is one.
        with_levels: Those whose queries say in (0008,0052) what they ask for (PS3.4
            C.4.1.1.3, C.4.2.1.4, C.4.3.1.3, Y.4 and Z.4).
        others: More that are asked by it, though their keywords do not say so.
        endings: With what the keywords of all others end.
    """

    words: str
    patient_root: UID
    study_root: UID
    instance_root: UID | None = None
    with_levels: frozenset[UID]
    others: frozenset[UID] = frozenset()
    endings: tuple[str, ...]

    def has(self, sop_class: UID) -> bool:
        """Whether it is one, as far as the dictionary of UIDs says. No private one is."""
        return sop_class in self.others or sop_class.keyword.endswith(self.endings)

    def resolve(
        self,
        contexts: Sequence[NegotiatedContext],
        query: Dataset,
        *,
        model: Model | None,
        level: str | None,
        context: NegotiatedContext | None,
    ) -> tuple[UID, Dataset]:
        """The model that is meant, and the query as it goes out.

        Args:
            contexts: Those of the association, by which the model is chosen that is not given.
            query: The keys. It is not changed.
            model: The information model to ask, or None for the one that fits.
            level: The Query/Retrieve Level, in the place of that of the query.
            context: The context that it goes on, which names the model where ``model``
                does not.

        Raises:
            LocalProtocolError: The model is not clear, or wants a level and has none.
            NoAcceptedContext: There is no model that could be asked.
        """
        if level is not None:
            query = _at_level(query, level)
        asked_level = str(query.get("QueryRetrieveLevel") or "").strip().upper()
        if model is not None:
            sop_class = _uid_of(model)
        elif context is not None:
            sop_class = context.abstract_syntax
        else:
            sop_class = self.fitting(contexts, asked_level)
        if sop_class in self.with_levels and not asked_level:
            raise LocalProtocolError(
                f"{self.words} of {sop_class.name} says in QueryRetrieveLevel (0008,0052) what "
                "it asks for: set it to PATIENT, STUDY, SERIES or IMAGE, or give level=; or "
                "name another model with model="
            )
        if level is not None and sop_class not in self.with_levels and self.has(sop_class):
            raise LocalProtocolError(
                f"{self.words} of {sop_class.name} has no level: leave level= out"
            )
        return sop_class, query

    def fitting(self, contexts: Sequence[NegotiatedContext], level: str = "") -> UID:
        """The model for a query that names none.

        Args:
            contexts: Those of the association.
            level: The query's level, or "".

        Raises:
            LocalProtocolError: It could be several.
            NoAcceptedContext: There is none.
        """
        accepted = dict.fromkeys(
            context.abstract_syntax
            for context in contexts
            if context.accepted and context.as_scu and self.has(context.abstract_syntax)
        )
        if level == "PATIENT":
            return self.patient_root  # no other has patients; without it, nothing is sent
        if level == "FRAME" and self.instance_root is not None:
            return self.instance_root  # likewise
        for root in (self.study_root, self.patient_root):
            if root in accepted:
                return root
        if len(accepted) == 1:
            return next(iter(accepted))
        if accepted:
            names = ", ".join(uid.name for uid in accepted)
            raise LocalProtocolError(
                f"which of these to ask is not clear, name one by model=: {names}"
            )
        raise NoAcceptedContext(
            self.words,
            proposed=[str(it) for it in contexts if self.has(it.abstract_syntax)],
            accepted=[str(it) for it in contexts if it.accepted],
        )


FIND: Final = Models(
    words="a query (C-FIND)",
    patient_root=sop_classes.PATIENT_ROOT_FIND.abstract_syntax,
    study_root=sop_classes.STUDY_ROOT_FIND.abstract_syntax,
    with_levels=_uids(
        sop_classes.PATIENT_ROOT_FIND,
        sop_classes.STUDY_ROOT_FIND,
        PresentationContext("1.2.840.10008.5.1.4.1.2.3.1"),  # patient/study only: retired, in use
    ),
    # They answer C-FIND besides N-services (PS3.4 CC.1).
    others=_uids(sop_classes.UPS_PULL, sop_classes.UPS_WATCH),
    endings=("Find", "Query"),
)

GET: Final = Models(
    words="a retrieve (C-GET)",
    patient_root=sop_classes.PATIENT_ROOT_GET.abstract_syntax,
    study_root=sop_classes.STUDY_ROOT_GET.abstract_syntax,
    instance_root=sop_classes.COMPOSITE_INSTANCE_ROOT_GET.abstract_syntax,
    with_levels=_uids(
        sop_classes.PATIENT_ROOT_GET,
        sop_classes.STUDY_ROOT_GET,
        PresentationContext("1.2.840.10008.5.1.4.1.2.3.3"),  # patient/study only
        sop_classes.COMPOSITE_INSTANCE_ROOT_GET,
        sop_classes.COMPOSITE_INSTANCE_GET_WITHOUT_BULK_DATA,
    ),
    endings=("Get",),
)

MOVE: Final = Models(
    words="a retrieve (C-MOVE)",
    patient_root=sop_classes.PATIENT_ROOT_MOVE.abstract_syntax,
    study_root=sop_classes.STUDY_ROOT_MOVE.abstract_syntax,
    instance_root=sop_classes.COMPOSITE_INSTANCE_ROOT_MOVE.abstract_syntax,
    with_levels=_uids(
        sop_classes.PATIENT_ROOT_MOVE,
        sop_classes.STUDY_ROOT_MOVE,
        PresentationContext("1.2.840.10008.5.1.4.1.2.3.2"),  # patient/study only
        sop_classes.COMPOSITE_INSTANCE_ROOT_MOVE,
    ),
    endings=("Move",),
)


def _uid_of(model: Model) -> UID:
    return model.abstract_syntax if isinstance(model, PresentationContext) else as_uid(model)


def _at_level(query: Dataset, level: str) -> Dataset:
    # A copy that shares nothing: even a shallow one of pydicom's shares its elements.
    query = deepcopy(query)
    query.QueryRetrieveLevel = level.strip().upper()
    return query


def extension_items(
    extended: Iterable[ExtendedNegotiation | QueryExtension],
    contexts: Iterable[PresentationContext],
) -> list[ExtendedNegotiation]:
    """The items of an association request.

    Args:
        extended: Items as they are, and what to ask of every query/retrieve model that has
            no item of its own.
        contexts: What is proposed.

    Raises:
        LocalProtocolError: There is no model to ask it of, or one would be asked twice.
    """
    extended = list(extended)
    items = [it for it in extended if isinstance(it, ExtendedNegotiation)]
    wishes = [it for it in extended if isinstance(it, QueryExtension)]
    if len(wishes) > 1:
        raise LocalProtocolError(
            "one QueryExtension holds for every model: say by item() which one is for which"
        )
    models = list(dict.fromkeys(_with_levels(contexts)))
    if wishes and not models:
        raise LocalProtocolError(
            "a QueryExtension is for the query/retrieve models, and none is proposed: "
            "say by item() what else it is for"
        )
    named = {item.sop_class_uid for item in items}
    items += [wish.item(model) for wish in wishes for model in models if model not in named]
    return items


def _with_levels(contexts: Iterable[PresentationContext]) -> Iterator[UID]:
    for context in contexts:
        if context.abstract_syntax in FIND.with_levels:
            yield context.abstract_syntax
