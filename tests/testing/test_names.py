"""The public names of the test kit."""

from __future__ import annotations

import subprocess
import sys

import pytest

import trio_dicom.testing


@pytest.mark.parametrize("name", trio_dicom.testing.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(trio_dicom.testing, name).__doc__
    assert name in dir(trio_dicom.testing)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        trio_dicom.testing.nothing  # noqa: B018


def test_nothing_is_imported_before_it_is_named() -> None:
    code = (
        "import sys, trio_dicom.testing as kit\n"
        "assert not [name for name in sys.modules if name.startswith('trio_dicom.testing.')]\n"
        "kit.memory_link\n"
        "assert 'trio_dicom.testing.links' in sys.modules\n"
        "assert 'trio_dicom.testing.archive' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
