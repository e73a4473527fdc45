"""How the documentation is built."""

from __future__ import annotations

from attrs import fields

import trio_dicom
from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from trio_dicom.options import ConnectionOptions, Timeouts

project = "trio_dicom"
author = "The trio_dicom contributors"
copyright = author  # noqa: A001 - Sphinx calls it so
release = version = trio_dicom.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"trio_dicom {release}"

default_role = "py:obj"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# What the docstring of an attrs value says of its fields stands with the class, once.
napoleon_custom_sections = [("Attributes", "params_style")]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"

# The conformance statement takes its numbers from the code, so it cannot lag behind.
_options = ConnectionOptions()
_numbers: dict[str, object] = {
    "implementation_class_uid": IMPLEMENTATION_CLASS_UID,
    "implementation_version_name": IMPLEMENTATION_VERSION_NAME,
    "max_length": _options.max_length,
    "max_fragment_pdu": _options.max_fragment_pdu,
}
for _field in fields(Timeouts):
    _seconds = getattr(_options.timeouts, _field.name)
    _numbers[f"timeout_{_field.name}"] = "none" if _seconds is None else f"{_seconds:g} s"
rst_epilog = "\n".join(f".. |{name}| replace:: {value}" for name, value in _numbers.items())
