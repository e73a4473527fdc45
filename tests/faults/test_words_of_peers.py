"""What peers say in words gets into errors and logs: in one line, and not too much of it."""

from __future__ import annotations

import pytest

from tests.faults.sides import CLIENT, RECEIVER, asked
from tests.faults.wire import ECHO, answered, associate, proposed, user_information
from trio_dicom import Status, StatusError

NASTY = "a\nb\r\x1b[2Jc\0d\x9be"


@pytest.mark.parametrize("comment", [NASTY, "no study of DOE^JOHN"])
def test_the_comment_of_a_peer_may_name_a_patient_and_is_not_in_the_text(comment: str) -> None:
    error = StatusError(Status(0xC000), operation="C-FIND", comment=comment)
    assert error.comment == comment  # as it came
    assert str(error) == str(StatusError(Status(0xC000), operation="C-FIND", comment="else"))
    assert str(error).isprintable()


@pytest.mark.pitfall(26)
@pytest.mark.parametrize("syntax", ["1.2." * 15_000, "1.2\n" * 10, "\x1b[2J"])
async def test_a_syntax_that_nobody_proposed_is_told_in_a_few_words(syntax: str) -> None:
    async with asked(CLIENT) as ours:
        await ours.says(associate(2, [answered(1, syntax), user_information()]))
        assert (await ours.last_words())[:1] == b"\7"
    assert str(ours.error).isprintable()
    assert len(str(ours.error)) < 500


@pytest.mark.parametrize("title", [NASTY.encode("latin-1"), b"\n" * 16, b"%s%s%s%d"])
async def test_a_title_makes_no_lines_in_the_log(title: bytes) -> None:
    async with asked(RECEIVER, calling_aes=["SOMEBODY"]) as ours:
        request = associate(1, [proposed(1, ECHO), user_information()], calling=title.ljust(16))
        await ours.says(request)
        await ours.last_words()
        assert len(ours.log) == 1
        assert ours.log[0].startswith("rejected an association of ")
        assert ours.log[0].isprintable()
