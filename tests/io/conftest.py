"""What the tests of the connection share."""

from __future__ import annotations

import pytest

from tests.interop.certificates import Certificates, make_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a server on loopback and a client; made for this run alone."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))
