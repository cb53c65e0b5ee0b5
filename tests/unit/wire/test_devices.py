"""Devices by number: every way of counting means one kind of device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.wire.devices import (
    DEVICE_NAMES,
    OLDER_PREFIXES,
    device_name,
    device_number,
    device_of,
    login_id_of,
)
from esframework.wire.login_id import split_login_id
from esframework.wire.profile import GENERATION_6, GENERATION_7, ClientType6, ClientType7, Profile


@pytest.mark.parametrize(
    ("number", "client_type", "profile", "device"),
    [
        (4, 1, GENERATION_7, ClientType7.IOS),
        (None, 2, GENERATION_7, ClientType7.ANDROID),
        (ClientType6.ANDROID, 0, GENERATION_6, ClientType7.ANDROID),
        (None, ClientType6.DOTNET, GENERATION_6, ClientType7.DOTNET),
        (None, ClientType6.WINDOWS_PHONE, GENERATION_6, ClientType7.OTHERS),
        (9, 8, GENERATION_6, ClientType7.LINUX),
        (77, 8, GENERATION_6, None),
        (7, 1, GENERATION_7, None),
    ],
)
def test_a_number_or_else_the_client_type_names_the_device(
    number: int | None, client_type: int, profile: Profile, device: int | None
) -> None:
    assert device_of(number, client_type, profile) == device


def test_older_applications_counted_their_devices_otherwise() -> None:
    assert device_of(1, 4, GENERATION_6, OLDER_PREFIXES) == ClientType7.IOS
    assert device_of(2, 5, GENERATION_6, OLDER_PREFIXES) == ClientType7.ANDROID
    assert device_of(5, 5, GENERATION_6, OLDER_PREFIXES) == ClientType7.ANDROID


@given(st.sampled_from([GENERATION_6, GENERATION_7]), st.sampled_from(list(ClientType7)))
def test_a_login_id_names_its_device_or_cannot_be_made(profile: Profile, device: ClientType7) -> None:
    try:
        login_id = login_id_of("alice", device, profile)
    except ValueError:
        assert profile is GENERATION_6
        assert device in (ClientType7.MAC, ClientType7.WX_SOCKET, ClientType7.SERVER_SIDE)
        return
    number, user_id = split_login_id(login_id)
    assert (device_of(number, 0, profile), user_id) == (device, "alice")


def test_each_device_has_a_name() -> None:
    assert [device_number(name) for name in DEVICE_NAMES] == list(ClientType7)
    assert device_name(ClientType7.WX_SOCKET) == "wx_socket"
    with pytest.raises(ValueError, match="'toaster' is no kind of device; there are server_side, dotnet"):
        device_number("toaster")
