"""The two generations as data: header sizes, client types."""

from __future__ import annotations

import pytest

from esframework.wire.profile import (
    GENERATION_6,
    GENERATION_7,
    ClientType6,
    ClientType7,
    Profile,
    translate_client_type,
)


@pytest.mark.parametrize(
    ("profile", "longest", "header", "field"),
    [
        (GENERATION_6, 11, 36, 11),
        (GENERATION_6, 20, 56, 21),
        (GENERATION_7, 11, 40, 13),
        (GENERATION_7, 12, 44, 15),
        (GENERATION_7, 20, 60, 23),
    ],
)
def test_the_protocols_own_points_of_the_size_rule(profile: Profile, longest: int, header: int, field: int) -> None:
    assert profile.field_size(longest) == field
    assert 14 + 2 * field == header


@pytest.mark.parametrize("profile", [GENERATION_6, GENERATION_7])
def test_every_size_carries_its_longest_id_in_a_header_that_is_a_multiple_of_four(profile: Profile) -> None:
    for longest in range(1, 256 - profile.reserve):
        field = profile.field_size(longest)
        assert longest <= field <= 255
        assert (14 + 2 * field) % 4 == 0


@pytest.mark.parametrize("profile", [GENERATION_6, GENERATION_7])
@pytest.mark.parametrize("longest", [0, -1, 256])
def test_lengths_that_no_header_carries_are_refused(profile: Profile, longest: int) -> None:
    with pytest.raises(ValueError, match="max_user_id"):
        profile.field_size(longest)


@pytest.mark.parametrize("profile", [GENERATION_6, GENERATION_7])
def test_the_default_size_is_tried_first_and_each_once(profile: Profile) -> None:
    sizes = profile.field_sizes()
    assert sizes[0] == profile.default_field_size
    assert len(sizes) == len(set(sizes))
    assert set(sizes) == {profile.field_size(longest) for longest in range(1, 256 - profile.reserve)}


def test_client_types_are_mapped_between_the_generations() -> None:
    six_to_seven = [
        (ClientType6.IOS, ClientType7.IOS),
        (ClientType6.ANDROID, ClientType7.ANDROID),
        (ClientType6.SILVERLIGHT, ClientType7.OTHERS),
        (ClientType6.DOTNET, ClientType7.DOTNET),
    ]
    for here, there in six_to_seven:
        assert translate_client_type(here, GENERATION_6, GENERATION_7) == there
    seven_to_six = [
        (ClientType7.LINUX, ClientType6.OTHERS),
        (ClientType7.WX_SOCKET, ClientType6.WEBSOCKET),
        (ClientType7.SERVER_SIDE, ClientType6.DOTNET),
        (ClientType7.MAC, ClientType6.OTHERS),
    ]
    for there, here in seven_to_six:
        assert translate_client_type(there, GENERATION_7, GENERATION_6) == here


@pytest.mark.parametrize(("source", "target"), [(GENERATION_6, GENERATION_7), (GENERATION_7, GENERATION_6)])
def test_every_client_type_has_a_valid_counterpart(source: Profile, target: Profile) -> None:
    for client_type in source.client_types:
        assert translate_client_type(client_type, source, target) in target.client_types
        assert translate_client_type(client_type, source, source) == client_type


def test_seven_is_no_client_type_of_generation_seven() -> None:
    assert 7 not in GENERATION_7.client_types
    assert 9 not in GENERATION_6.client_types
