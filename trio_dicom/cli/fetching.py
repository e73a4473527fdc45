"""What ``get`` does: ask what there is, fetch it, and fetch once more what did not come."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from attrs import define, field
from pydicom import Dataset

from trio_dicom import (
    Association,
    CStoreRequest,
    CStoreResponse,
    Destination,
    Inbox,
    NoAcceptedContext,
    PresentationContext,
    StatusError,
    TrioDicomError,
)
from trio_dicom.cli.classes import (
    Held,
    compressed_contexts,
    contexts_within,
    instances_of,
    sop_classes_of,
)
from trio_dicom.cli.exits import NoAssociation
from trio_dicom.cli.output import Output
from trio_dicom.cli.retrieve import Ending, final_response
from trio_dicom.cli.target import Target
from trio_dicom.sop_classes import (
    COMMON_STORAGE_CLASSES,
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    storage_contexts,
)

__all__ = ["Fetching"]

_TO_ASK: Final = {STUDY_ROOT_GET: STUDY_ROOT_FIND, PATIENT_ROOT_GET: PATIENT_ROOT_FIND}
_MOST_CONTEXTS: Final = 128  # PS3.8 9.3.2.2: their IDs are the odd numbers of one byte
_MOST_UIDS: Final = 500  # in one query: their length has two bytes in explicit VRs


@define(eq=False, kw_only=True)
class Fetching:
    """One retrieve by C-GET, with what it takes around it.

    Attributes:
        target: The peer.
        output: Where to show how far it is.
        models: The information models to propose.
        query: What is wanted.
        into: Where it goes.
        contexts: What to propose for the instances.
        doubt: What may be wrong with that, or "".
        ending: What the peer said at the end, if it came so far.
    """

    target: Target
    output: Output
    models: Sequence[PresentationContext]
    query: Dataset = field(repr=False)
    into: Inbox
    contexts: tuple[PresentationContext, ...] = field(default=(), init=False)
    doubt: str = field(default="", init=False)
    ending: Ending | None = field(default=None, init=False)
    _classes: tuple[str, ...] = field(default=(), init=False)
    _offered: set[str] = field(factory=set[str], init=False)

    async def ask(self) -> None:
        """Find out what to propose for the instances.

        It takes an association of its own: what it finds out is what the next one proposes.
        """
        classes: tuple[str, ...] | None = ()
        why = "The peer does not say which SOP classes there are"
        try:
            async with self._asking() as association:
                classes = await sop_classes_of(association, self.query)
        except TrioDicomError as error:
            why = f"The peer did not say which SOP classes there are ({error})"
        if classes:
            self._classes = classes
            self.contexts, are_all = contexts_within(classes, self._room)
            if not are_all:
                self.doubt = (
                    "There are so many SOP classes that not every transfer syntax could be "
                    "proposed."
                )
            return
        self.contexts = storage_contexts()
        if classes is not None:
            self.doubt = f"{why}, so the usual ones were proposed, uncompressed."
        elif self.query.get("StudyInstanceUID") or self.query.get("PatientID"):
            self.doubt = "The peer knows of nothing that matches."
        else:
            self.doubt = "The peer finds nothing by these keys: try StudyInstanceUID with them."

    async def fetch(self) -> None:
        """Fetch it all, as far as the peer sends it.

        Raises:
            TrioDicomError: It broke off. ``ending`` has what was before.
        """
        self.ending = await self._get(self.contexts, [self.query])
        if not self.ending.is_whole:
            try:
                again = await self._fetch_compressed()
            except (NoAcceptedContext, NoAssociation, StatusError):
                return  # it cannot be asked, or has none of it compressed
            if again is not None:
                self.ending = again.after(self.ending)

    async def _fetch_compressed(self) -> Ending | None:
        """Fetch what did not come once more, in compressed transfer syntaxes alone.

        dcmqrscp sends on an uncompressed context wherever there is one, and then cannot
        decompress. Others would compress for us whatever they have, so only what did not come
        is asked for.
        """
        if not all(model in _TO_ASK for model in self.models):
            return None
        async with self._asking() as association:
            instances = await instances_of(association, self.query)
        missing = {uid: it for uid, it in instances.items() if uid not in self._offered}
        classes = {it.sop_class for it in missing.values()}
        if "" in classes:
            classes = set(self._classes or COMMON_STORAGE_CLASSES)
        contexts = compressed_contexts(classes, self._room)
        return await self._get(contexts, self._queries_for(missing)) if contexts else None

    @property
    def _room(self) -> int:
        return _MOST_CONTEXTS - len(self.models)

    @asynccontextmanager
    async def _asking(self) -> AsyncGenerator[Association, None]:
        to_ask = dict.fromkeys(_TO_ASK.get(model, STUDY_ROOT_FIND) for model in self.models)
        async with self.target.associate(to_ask, instrument=self.output.instrument) as association:
            yield association

    async def _get(
        self, contexts: Sequence[PresentationContext], queries: Sequence[Dataset]
    ) -> Ending:
        """Retrieve one after the other, on one association."""
        model = self.models[0] if len(self.models) == 1 else None
        noting = _Noting(self.into, self._offered)
        endings: list[Ending] = []
        async with self.target.associate(
            [*self.models, *contexts], instrument=self.output.instrument
        ) as association:
            for query in queries:
                async with association.c_get(
                    query, into=noting, model=model, check=False
                ) as retrieval:
                    endings.append(Ending.of(await final_response(retrieval, self.output)))
        return Ending.of_all(endings)

    def _queries_for(self, instances: Mapping[str, Held]) -> list[Dataset]:
        """Queries for these instances alone, by the hierarchical rules."""
        by_series: dict[tuple[str, str], list[str]] = {}
        for uid, it in instances.items():
            by_series.setdefault((it.study, it.series), []).append(uid)
        return [
            self._query(*series, uids[start : start + _MOST_UIDS])
            for series, uids in by_series.items()
            for start in range(0, len(uids), _MOST_UIDS)
        ]

    def _query(self, study: str, series: str, uids: Sequence[str]) -> Dataset:
        query = Dataset()
        query.QueryRetrieveLevel = "IMAGE"
        for keyword in ("SpecificCharacterSet", "PatientID"):
            if keyword in self.query:
                query[keyword] = self.query[keyword]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about UIDs that are none: they are the peer's
            if study:
                query.StudyInstanceUID = study
            if series:
                query.SeriesInstanceUID = series
            query.SOPInstanceUID = list(uids)
        return query


@define(eq=False)
class _Noting:
    """An instance handler that notes what the peer began to send, whatever became of it."""

    _inbox: Inbox
    _offered: set[str]

    async def c_store_sink(self, request: CStoreRequest) -> Destination:
        """See ``InstanceHandler``."""
        self._offered.add(request.sop_instance_uid)
        return await self._inbox.c_store_sink(request)

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``."""
        return await self._inbox.on_c_store_request(request)
