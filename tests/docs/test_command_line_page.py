"""The page about the command line knows every option that there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from trio_dicom.cli.app import app

PAGE = Path(__file__).parents[2] / "docs" / "command-line.rst"


@pytest.mark.parametrize("command", [name for name in app if not name.startswith("-")])
def test_every_command_and_option_is_on_the_page(command: str) -> None:
    page = PAGE.read_text()
    asked = [sys.executable, "-m", "trio_dicom", command, "--help"]
    options = set(re.findall(r"--[a-z-]+", subprocess.check_output(asked, text=True)))
    assert f"``trio-dicom {command}" in page
    assert options - set(re.findall(r"--[a-z-]+", page)) <= {"--help", "--version"}
