"""Instances in memory: kept as they came, with an index to find them by."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.part10 import read_head
from trio_dicom._dimse.transcode import encode_data_set, source_syntax
from trio_dicom.errors import LocalProtocolError
from trio_dicom.options import Limits
from trio_dicom.testing._archive.answering import match_for
from trio_dicom.testing._archive.index import (
    LEVELS,
    element_of,
    indexed,
    level_of,
    sop_uids,
    summary_of,
)
from trio_dicom.testing._archive.keys import supported_keys
from trio_dicom.testing._archive.matching import matches, values_of

__all__ = ["Instance", "Instances"]


@frozen(kw_only=True)
class Instance:
    """A stored instance.

    Attributes:
        sop_class_uid: Its SOP class.
        sop_instance_uid: What it is known by.
        data_set: The data set, byte for byte as it came, with its transfer syntax.
        attributes: What can be searched: its attributes without bulk data, decoded.
    """

    sop_class_uid: UID
    sop_instance_uid: UID
    data_set: EncodedDataSet
    attributes: Dataset = field(repr=False)


@define(eq=False)
class Instances:
    """What an archive holds, and the queries that archives answer.

    Attributes:
        by_uid: The instances by SOP Instance UID, in the order of arrival.
        limits: How large and how deep a data set may be.
    """

    by_uid: dict[str, Instance] = field(factory=dict[str, Instance])
    limits: Limits = field(factory=Limits, kw_only=True)

    def __repr__(self) -> str:
        count = len(self)
        return f"<Instances: {count} instance{'' if count == 1 else 's'}>"

    def __len__(self) -> int:
        return len(self.by_uid)

    def __iter__(self) -> Iterator[Instance]:
        return iter(tuple(self.by_uid.values()))

    def __getitem__(self, sop_instance_uid: str) -> Instance:
        return self.by_uid[sop_instance_uid]

    def __contains__(self, sop_instance_uid: object) -> bool:
        return sop_instance_uid in self.by_uid

    def keep(self, sop_class_uid: UID, sop_instance_uid: UID, data: EncodedDataSet) -> bool:
        """Store an instance; one of the same UID is replaced.

        Returns:
            Whether it was stored: it is not if the data set itself names another one.

        Raises:
            PDUError: ``data`` is no data set.
        """
        attributes = indexed(data.decode(self.limits))
        if sop_uids(attributes) != (sop_class_uid, sop_instance_uid):
            return False
        self.by_uid[sop_instance_uid] = Instance(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            # A new one, which does not hold the decoded pixels as well.
            data_set=EncodedDataSet(bytes(data.data), data.transfer_syntax),
            attributes=attributes,
        )
        return True

    def add(self, source: Dataset | str | PathLike[str]) -> Instance:
        """Put an instance here without a network.

        Args:
            source: A data set, or a DICOM file, which is read now and kept as it is.

        Raises:
            LocalProtocolError: There is no instance in it that can be stored.
            PDUError: It is malformed.
        """
        if isinstance(source, Dataset):
            syntax = source_syntax(source) or ExplicitVRLittleEndian
            data = EncodedDataSet(encode_data_set(source, syntax), syntax)
            sop_class, sop_instance = sop_uids(source)
        else:
            path = Path(source)
            with path.open("rb") as file:
                stored = read_head(file, path)
                file.seek(stored.offset)
                data = EncodedDataSet(file.read(stored.length), stored.transfer_syntax)
            sop_class, sop_instance = stored.sop_class_uid, stored.sop_instance_uid
        if not sop_class or not self.keep(as_uid(sop_class), as_uid(sop_instance), data):
            raise LocalProtocolError("an instance needs one SOP Class UID and one Instance UID")
        return self.by_uid[sop_instance]

    def find(
        self, identifier: Dataset, *, ae_title: str = "", combined_date_time: bool = False
    ) -> Iterator[Dataset]:
        """What a C-FIND with that identifier gives, one match after the other.

        An attribute of a patient, study or series is as the first instance has it that does;
        one that belongs to none of them is given where all instances agree on it. Keys that the
        archive does not support, such as those of a lower level, are left out. Those without a
        unique key, such as patients whose ID nobody knew, are one, as in other archives.

        Args:
            identifier: The keys, with the level.
            ae_title: From where the matches can be retrieved.
            combined_date_time: Whether ranges of a date and of its time are one range.

        Raises:
            ValueError: It names no level.
        """
        level = level_of(identifier)
        keys, _ = supported_keys(identifier, level)
        entities: dict[str, list[Dataset]] = {}
        for instance in self:
            for value in values_of(element_of(instance.attributes, LEVELS[level])) or ("",):
                entities.setdefault(value, []).append(instance.attributes)
        for attributes in entities.values():
            summary = summary_of(level, attributes)
            if ae_title:
                summary.RetrieveAETitle = ae_title
            summary.InstanceAvailability = "ONLINE"
            if matches(keys, summary, combined_date_time=combined_date_time):
                yield match_for(keys, summary, combined_date_time=combined_date_time)

    def select(self, identifier: Dataset) -> list[Instance]:
        """The instances that a C-GET or C-MOVE with that identifier retrieves.

        The unique keys of its level and of those above count, as they stand: a single value,
        or a list of UIDs (PS3.4 C.4.2.2.1).

        Raises:
            ValueError: It names no level, or none of that level, or several patients.
        """
        levels = list(LEVELS)
        level = level_of(identifier)
        wanted = {
            keyword: values
            for keyword in (LEVELS[it] for it in levels[: levels.index(level) + 1])
            if (values := set(values_of(element_of(identifier, keyword))))
        }
        if LEVELS[level] not in wanted:
            raise ValueError(f"there is no {LEVELS[level]} of what to retrieve")
        if len(wanted.get("PatientID", ())) > 1:
            raise ValueError("only one patient can be retrieved at a time")
        return [
            instance
            for instance in self
            if all(
                not values.isdisjoint(values_of(element_of(instance.attributes, keyword)))
                for keyword, values in wanted.items()
            )
        ]
