"""Invalid request lines, framing, headers and content types: refused in shape and in time; nothing after them is read."""

import pytest

import cases_content
import cases_framing
import cases_headers
import cases_request_line
from case import ids
from wire import refuse


@pytest.mark.parametrize("case", cases_request_line.CASES, ids=ids(cases_request_line.CASES))
def test_request_line(worker, watch, key, case):
    refuse(worker, case, key)


@pytest.mark.parametrize("case", cases_framing.CASES, ids=ids(cases_framing.CASES))
def test_framing(worker, watch, key, case):
    refuse(worker, case, key)


@pytest.mark.parametrize("case", cases_headers.CASES, ids=ids(cases_headers.CASES))
def test_headers(worker, watch, key, case):
    refuse(worker, case, key)


@pytest.mark.parametrize("case", cases_content.CASES, ids=ids(cases_content.CASES))
def test_content(worker, watch, key, case):
    refuse(worker, case, key)


def test_afterwards_nothing_has_changed(watch):
    watch.check()
